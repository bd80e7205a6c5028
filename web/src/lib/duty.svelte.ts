import { getJson, HttpError } from './api.ts';
import type { DutyItem, DutyPage, OnCall, Page } from './contract.ts';
import { live } from './live.svelte.ts';

const everyMs = 5000;
/** The path of the queue under /api/v1. */
const path = '/duty';

/** What waits for the person on duty; read while a page shows it. */
class Duty {
  items = $state.raw<readonly DutyItem[]>([]);
  /** Who is on duty, by roster. */
  onCall = $state.raw<readonly OnCall[]>([]);
  hasLoaded = $state(false);
  /** Who asks has no account here. */
  isRefused = $state(false);
  /** Alerts, deliveries and stations that the server has beyond those shown; the least grave are cut. */
  more = $state(0);
  readonly alerts = $derived(this.items.filter((item) => item.kind === 'alert'));
  readonly drafts = $derived(this.items.filter((item) => item.kind === 'draft'));
  readonly waiting = $derived(this.alerts.filter((item) => item.isWaiting));
  readonly hold = $derived(this.items.find((item) => item.kind === 'hold'));
  /** A test of the channels that failed: warnings may not arrive. */
  readonly selfTest = $derived(this.items.find((item) => item.kind === 'self-test'));
  readonly dead = $derived(this.items.filter((item) => item.kind === 'delivery'));
  readonly unknown = $derived(this.items.filter((item) => item.kind === 'station'));
  /** Somebody touched keys or mouse since the last reading. */
  #isUsed = true;

  /** Call in an effect: reads now, on every change of alerts, and now and then; the returned function ends it. */
  follow(): () => void {
    void live.changes;
    void this.load();
    const stop = new AbortController();
    const use = (): void => {
      this.#isUsed = true;
    };
    for (const event of ['keydown', 'pointerdown', 'wheel'])
      addEventListener(event, use, { signal: stop.signal, passive: true });
    const timer = setInterval(() => void this.load(), everyMs);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }

  async load(): Promise<void> {
    const isByPerson = this.#isUsed;
    this.#isUsed = false;
    try {
      const { items, total } = await getJson<DutyPage>(path, isByPerson);
      this.items = items;
      const { yellow, orange, red } = total.alerts;
      this.more = Math.max(0, yellow + orange + red + total.deliveries + total.stations - items.length);
      this.hasLoaded = true;
      this.isRefused = false;
      this.onCall = (await getJson<Page<OnCall>>('/on-call', false)).items;
    } catch (error) {
      this.isRefused = error instanceof HttpError && (error.status === 401 || error.status === 403);
      if (this.isRefused) this.items = this.onCall = [];
      // The banner tells a lost connection; the next read tries again.
    }
  }
}

export const duty = new Duty();
