import type { Log } from '../../log/log.ts';
import { quantities } from '../../model/quantity.ts';
import { formatInstant, SECOND_MS } from '../../model/time.ts';
import type { Archive, LatestValue } from '../../store/archive/archive.ts';
import { type Hold, readHold } from '../../store/ledger/hold.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Intake } from '../intake/intake.ts';
import type { PlayerState } from '../player.ts';
import type { Processor } from '../processor/processor.ts';
import type { SystemOptions } from '../system-options.ts';
import { type NeighbourCounts, NeighbourWatch } from './neighbour-watch.ts';
import { FlagWatch, type StationHealth, stationHealth } from './station-health.ts';

interface Parts {
  readonly options: SystemOptions;
  readonly stores: { readonly log: Log; readonly ledger: Ledger; readonly archive: Archive };
  readonly intake: Intake;
  readonly processor: Processor;
  readonly player: () => PlayerState | null;
  readonly now: () => number;
}

const REFRESH_MS = 1000;
/** Of the time, so much at most goes to reading latest values: beside a busy archive they come less often, ... */
const LATEST_SHARE = 0.1;
/** ... but not less often than this. */
const MAX_LATEST_MS = 5000;
/** Of the time, so much at most goes to holding stations against their neighbours, ... */
const NEIGHBOUR_SHARE = 0.01;
/** ... and it comes no more often than this. */
const NEIGHBOUR_MS = 30_000;
/** Quantities whose absence a dashboard tells. */
const EXPECTED = ['rainfall', 'airTemperature', 'relativeHumidity', 'windGust'];

/** The state of the whole system, gathered once a second so that no request makes the stores work. */
export class StatusBoard {
  readonly #parts: Parts;
  #timer: NodeJS.Timeout | null = null;
  #latest = new Map<string, LatestValue[]>();
  readonly #flags = new FlagWatch();
  readonly #neighbours = new NeighbourWatch();
  #neighboursDueAt = 0;
  /** When latest values are read again, on the machine's own count, ms. */
  #latestDueAt = 0;
  #open: Record<string, number> = {};
  #expiresAt: Record<string, string> = {};
  #lagRecords = 0;
  oldestOutboxAt: number | null = null;
  #hold: Hold | null = null;

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
    const { ledger, log } = this.#parts.stores;
    if (performance.now() >= this.#latestDueAt) await this.#readLatest();
    if (performance.now() >= this.#neighboursDueAt) void this.#lookAtNeighbours();
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
    this.#hold = await readHold(ledger, this.#parts.options.clock.now());
  }

  async #readLatest(): Promise<void> {
    const from = performance.now();
    // One at a time: a slow archive must not be asked again meanwhile.
    this.#latestDueAt = Number.POSITIVE_INFINITY;
    try {
      const latest = new Map<string, LatestValue[]>();
      for (const value of await this.#parts.stores.archive.latest()) {
        const values = latest.get(value.station);
        if (values) values.push(value);
        else latest.set(value.station, [value]);
      }
      this.#latest = latest;
      this.#flags.look([...latest.values()].flat());
    } finally {
      const to = performance.now();
      // A refresh that comes a little early must not wait for the one after it.
      this.#latestDueAt = to + Math.min(MAX_LATEST_MS, (to - from) / LATEST_SHARE) - REFRESH_MS / 2;
    }
  }

  /** Beside everything else: nothing waits for it. */
  async #lookAtNeighbours(): Promise<void> {
    const { stores, intake, options } = this.#parts;
    const from = performance.now();
    this.#neighboursDueAt = Number.POSITIVE_INFINITY;
    try {
      await this.#neighbours.look(stores.archive, intake.stations(), this.#healthAt());
    } catch (error) {
      options.log.warn({ err: error }, 'stations not held against their neighbours');
    } finally {
      const to = performance.now();
      this.#neighboursDueAt = to + Math.max(NEIGHBOUR_MS, (to - from) / NEIGHBOUR_SHARE);
    }
  }

  #health(id: string): StationHealth | undefined {
    const station = this.#parts.intake.station(id);
    if (!station) return undefined;
    const latest = this.#latest.get(id) ?? [];
    const flagged = this.#flags.suspectOf(latest);
    // What its own checks say goes before.
    const departing = this.#neighbours
      .of(id)
      .suspect.filter(({ quantity }) => !flagged.some((one) => one.quantity === quantity));
    return stationHealth(station, latest, EXPECTED, this.#healthAt(), [...flagged, ...departing]);
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
          ...(value.check === undefined ? {} : { check: value.check }),
        },
      ]),
    );
    return {
      latest,
      health: health && {
        ...health,
        since: health.since === null ? null : formatInstant(health.since),
        suspect: health.suspect.map((one) => ({ ...one, since: formatInstant(one.since) })),
        isolated: this.#neighbours.of(id).isolated,
      },
      clock: this.#parts.intake.clocks.of(id) ?? null,
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
    hold: Hold | null;
    neighbours: NeighbourCounts;
  }> {
    const { processor, now } = this.#parts;
    const behind = now() - processor.clockAt();
    return {
      lagRecords: this.#lagRecords,
      lagMs: Number.isFinite(behind) ? Math.max(0, behind - SECOND_MS) : 0,
      archiveLagMs: processor.archiveLagMs,
      open: this.#open,
      hold: this.#hold,
      neighbours: this.#neighbours.counts(),
    };
  }
}
