import type { Log } from '../log/log.ts';
import { quantities } from '../model/quantity.ts';
import { formatInstant, SECOND_MS } from '../model/time.ts';
import type { Archive, LatestValue } from '../store/archive/archive.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import type { Intake } from './intake.ts';
import type { PlayerState } from './player.ts';
import type { Processor } from './processor.ts';
import { type StationHealth, stationHealth } from './station-health.ts';
import type { SystemOptions } from './system.ts';

interface Parts {
  readonly options: SystemOptions;
  readonly stores: { readonly log: Log; readonly ledger: Ledger; readonly archive: Archive };
  readonly intake: Intake;
  readonly processor: Processor;
  readonly player: () => PlayerState | null;
  readonly now: () => number;
}

const REFRESH_MS = 1000;
/** Quantities whose absence a dashboard tells. */
const EXPECTED = ['rainfall', 'airTemperature', 'relativeHumidity', 'windGust'];

/** The state of the whole system, gathered once a second so that no request makes the stores work. */
export class StatusBoard {
  readonly #parts: Parts;
  #timer: NodeJS.Timeout | null = null;
  #latest = new Map<string, LatestValue[]>();
  #open: Record<string, number> = {};
  #expiresAt: Record<string, string> = {};
  #lagRecords = 0;
  oldestOutboxAt: number | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => {
      void this.refresh().catch((error) =>
        this.#parts.options.log.warn({ err: error }, 'status not refreshed'),
      );
    }, REFRESH_MS);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
  }

  async refresh(): Promise<void> {
    const { ledger, archive, log } = this.#parts.stores;
    const latest = new Map<string, LatestValue[]>();
    for (const value of await archive.latest()) {
      const values = latest.get(value.station);
      if (values) values.push(value);
      else latest.set(value.station, [value]);
    }
    this.#latest = latest;
    const open: Record<string, number> = { yellow: 0, orange: 0, red: 0 };
    const expiresAt: Record<string, string> = {};
    for (const { revision } of (await ledger.alerts({ state: 'open', limit: 1000 })).items) {
      expiresAt[revision.event.alert] = formatInstant(revision.expiresAt);
      open[revision.event.level] = (open[revision.event.level] ?? 0) + 1;
    }
    this.#open = open;
    this.#expiresAt = expiresAt;
    this.#lagRecords = await log.lag('processor');
    this.oldestOutboxAt = await ledger.oldestOutboxAt();
  }

  #health(id: string): StationHealth | undefined {
    const station = this.#parts.intake.station(id);
    return station && stationHealth(station, this.#latest.get(id) ?? [], EXPECTED, this.#healthAt());
  }

  /** A fast recording outruns the archive by hours of its time: there a station is judged beside the newest of its network. */
  #healthAt(): number {
    const newest = this.#newestObservedAt();
    return this.#parts.player()?.state === 'playing' && Number.isFinite(newest) ? newest : this.#parts.now();
  }

  #newestObservedAt(): number {
    return Math.max(
      Number.NEGATIVE_INFINITY,
      ...[...this.#latest.values()].flat().map((value) => value.observedAt),
    );
  }

  /** Latest values and health of a station, as `GET /stations` shows them. */
  station(id: string): object {
    const health = this.#health(id);
    const latest = Object.fromEntries(
      (this.#latest.get(id) ?? []).map((value) => [
        value.quantity,
        {
          value: value.value,
          unit: quantities.get(value.quantity)?.unit ?? '',
          observedAt: formatInstant(value.observedAt),
          flag: value.flag,
        },
      ]),
    );
    return {
      latest,
      health: health && { ...health, since: health.since === null ? null : formatInstant(health.since) },
    };
  }

  current(): object {
    const { options, intake, now } = this.#parts;
    const player = this.#parts.player();
    const stations = intake.stations();
    const newest = this.#newestObservedAt();
    const silent = stations
      .map((station) => ({ station, health: this.#health(station.id) as StationHealth }))
      .filter(
        ({ health }) =>
          health.state === 'never-heard' || health.state === 'silent' || health.missing.includes('rainfall'),
      )
      .map(({ station, health }) => ({
        id: station.id,
        name: station.name,
        since: health.since === null ? null : formatInstant(health.since),
        ...(health.state === 'partial' || (health.state !== 'silent' && health.state !== 'never-heard')
          ? { quantity: 'rainfall' }
          : {}),
      }));
    return {
      title: options.config.server.name,
      senderName: options.config.server.name,
      version: options.version,
      environment: options.config.environment,
      serverNow: formatInstant(now()),
      ...(player
        ? {
            recording: {
              ...player,
              startAt: formatInstant(player.startAt),
              endAt: formatInstant(player.endAt),
              at: formatInstant(player.at),
            },
          }
        : {}),
      newestObservedAt: Number.isFinite(newest) ? formatInstant(newest) : null,
      stations: { total: stations.length, silent },
      counts: { open: this.#open, lagRecords: this.#lagRecords },
      expiresAt: this.#expiresAt,
    };
  }

  async gauges(): Promise<{
    lagRecords: number;
    lagMs: number;
    archiveLagMs: number;
    open: Readonly<Record<string, number>>;
  }> {
    const { processor, now } = this.#parts;
    const behind = now() - processor.clockAt();
    return {
      lagRecords: this.#lagRecords,
      lagMs: Number.isFinite(behind) ? Math.max(0, behind - SECOND_MS) : 0,
      archiveLagMs: processor.archiveLagMs,
      open: this.#open,
    };
  }
}
