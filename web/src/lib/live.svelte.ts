import { manualRule } from '../../../src/model/manual-rule.ts';
import { getAll, getJson, getOpenAlerts, isPublic } from './api.ts';
import type { AlertItem, Rule, StationItem, Status, TemplateItem } from './contract.ts';

/** What every page shows, kept fresh: status each 2 s, alerts on each event of the stream (and each 4 s without it). */
const statusEveryMs = 2000;
const stationsEveryMs = 6000;
const alertsEveryMs = 4000;
const alertsPauseMs = 1000;
const lostAfterMs = 6000;
const longestRetryMs = 15_000;

class Live {
  status = $state.raw<Status | null>(null);
  /** All open alerts, those for the people who run the system too. */
  open = $state.raw<readonly AlertItem[]>([]);
  /** Those for the public. */
  readonly alerts = $derived(this.open.filter(isPublic));
  stations = $state.raw<readonly StationItem[]>([]);
  rules = $state.raw<readonly Rule[]>([]);
  templates = $state.raw<readonly Rule[]>([]);
  hasLoaded = $state(false);
  isStreaming = $state(false);
  isLost = $state(false);
  /** Counts the events and reloads: a page that shows one alert reads it again when this changes. */
  changes = $state(0);
  /** The machine's time when the newest status arrived, epoch ms. */
  statusAt = $state(0);
  /** Ticks each second, epoch ms of the machine. */
  wallNow = $state(Date.now());

  /** The system's time now, carried on from the last answer: in a recording by its speed. */
  readonly now = $derived.by(() => {
    if (!this.status) return this.wallNow;
    const { recording, serverNow } = this.status;
    const since = Math.min(Math.max(0, this.wallNow - this.statusAt), this.isLost ? 0 : statusEveryMs * 2);
    if (!recording) return Date.parse(serverNow) + since;
    if (recording.state === 'finished') return Date.parse(serverNow);
    return Math.min(
      Date.parse(serverNow) + (recording.speed <= 60 ? since * recording.speed : 0),
      Date.parse(recording.endAt),
    );
  });
  /** The zone most stations lie in. */
  readonly timeZone = $derived.by(() => {
    const counts = new Map<string, number>();
    for (const station of this.stations)
      counts.set(station.timeZone, (counts.get(station.timeZone) ?? 0) + 1);
    return [...counts].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? 'America/Sao_Paulo';
  });
  readonly stationById = $derived(new Map(this.stations.map((station) => [station.id, station])));
  /** A region by its first station: networks name stations after their municipality. */
  readonly #regionNames = $derived(
    new Map(
      this.stations.toSorted((a, b) => (a.id < b.id ? 1 : -1)).map(({ region, name }) => [region, name]),
    ),
  );
  /** Rules, and what stands in their place for alerts raised by hand. */
  readonly ruleByName = $derived(
    new Map([...this.rules, ...this.templates].map((rule) => [rule.name, rule])),
  );

  #lastSuccessAt = Date.now();
  #alertsDue = true;
  #alertsAt = 0;
  #stationsAt = 0;
  #isBusy = false;

  /** Starts stream and polling; both end with `signal`. */
  /** The name of a station or region; an id that nobody knows stands for itself. */
  nameOf(id: string): string {
    return this.stationById.get(id)?.name ?? this.#regionNames.get(id) ?? id;
  }

  start(signal: AbortSignal): void {
    const poll = setInterval(() => void this.#poll(), 500);
    const clock = setInterval(() => {
      this.wallNow = Date.now();
    }, 1000);
    signal.addEventListener('abort', () => {
      clearInterval(poll);
      clearInterval(clock);
    });
    void this.#poll();
    this.#connect(signal, 1000);
  }

  async #poll(): Promise<void> {
    const now = Date.now();
    this.isLost = now - this.#lastSuccessAt > lostAfterMs;
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      if (now - this.statusAt >= statusEveryMs) {
        this.status = await getJson<Status>('/status');
        this.statusAt = Date.now();
        this.#lastSuccessAt = this.statusAt;
      }
      if (now - this.#stationsAt >= stationsEveryMs) {
        this.stations = await getAll<StationItem>('/stations?limit=1000');
        this.#stationsAt = Date.now();
      }
      const isDue = this.#alertsDue
        ? now - this.#alertsAt >= alertsPauseMs
        : now - this.#alertsAt >= (this.isStreaming ? 15_000 : alertsEveryMs);
      if (isDue) await this.#loadAlerts();
      if (this.rules.length === 0) await this.#loadRules();
      this.hasLoaded = true;
      this.isLost = false;
    } catch {
      // The banner says it when it lasts; the next poll tries again.
    } finally {
      this.#isBusy = false;
    }
  }

  async #loadRules(): Promise<void> {
    // A template may have gone since: the alert then shows its name.
    this.templates = (await getAll<TemplateItem>('/templates').catch(() => [])).map((template) =>
      manualRule({ ...template, name: `manual:${template.name}`, subject: 'area' }),
    );
    this.rules = await getAll<Rule>('/rules');
  }

  async #loadAlerts(): Promise<void> {
    this.#alertsDue = false;
    this.#alertsAt = Date.now();
    const open = await getOpenAlerts(this.status);
    const isSame = JSON.stringify(open) === JSON.stringify(this.open);
    if (isSame) return;
    this.open = open;
    this.changes++;
  }

  #connect(signal: AbortSignal, retryMs: number): void {
    if (signal.aborted || typeof EventSource === 'undefined') return;
    const source = new EventSource('/api/v1/stream');
    const close = (): void => source.close();
    signal.addEventListener('abort', close);
    let wait = retryMs;
    source.onopen = () => {
      this.isStreaming = true;
      this.#alertsDue = true;
      wait = 1000;
    };
    source.addEventListener('alert', () => {
      this.#alertsDue = true;
    });
    source.onerror = () => {
      this.isStreaming = false;
      // The browser reconnects by itself (with Last-Event-ID) unless it has given up.
      if (source.readyState !== EventSource.CLOSED) return;
      signal.removeEventListener('abort', close);
      setTimeout(() => this.#connect(signal, Math.min(wait * 2, longestRetryMs)), wait);
    };
  }
}

export const live = new Live();
