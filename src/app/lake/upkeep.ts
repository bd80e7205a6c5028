import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { DAY_MS, formatInstant, MINUTE_MS } from '../../model/time.ts';
import type { Archive, Dropped } from '../../store/archive/archive.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Config } from '../config/schema.ts';
import type { Metrics } from '../health/metrics.ts';
import { openLake } from './open.ts';
import { type LakeReport, writeLake } from './write.ts';

/** After a start, so that readings that wait for the archive are in it. */
const FIRST_MS = MINUTE_MS;
/** After a failure. */
const AGAIN_MS = 10 * MINUTE_MS;

export interface UpkeepOptions {
  readonly config: Config;
  readonly archive: Archive;
  readonly ledger: Pick<Ledger, 'stations'>;
  readonly clock: Clock;
  readonly log: {
    info(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  readonly metrics: Pick<Metrics, 'lake' | 'retained'>;
  /** Whether this process is the one to do it now. */
  readonly isMine: () => boolean;
}

/**
 * Brings the lake up to the archive, then takes from the archive what retention lets go: with a lake, only months that
 * are in it as the archive has them.
 */
export class Upkeep {
  readonly #options: UpkeepOptions;
  #cancel: () => void = () => {};
  #isStopped = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** Does nothing where the configuration asks for neither a lake nor retention. */
  start(): void {
    const { lake, archive } = this.#options.config;
    if (!lake && archive.retention.observations === undefined) return;
    this.#schedule(Math.min(FIRST_MS, lake?.every ?? DAY_MS));
  }

  /** Waits for the month under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#running;
  }

  #schedule(inMs: number): void {
    if (this.#isStopped) return;
    this.#cancel = this.#options.clock.after(inMs, () => {
      this.#running = this.#turn().then((nextMs) => this.#schedule(nextMs));
    });
  }

  /** One turn; returns when the next one is due, ms. */
  async #turn(): Promise<number> {
    const { config, log, metrics, isMine } = this.#options;
    const everyMs = config.lake?.every ?? DAY_MS;
    if (!isMine()) return Math.min(everyMs, AGAIN_MS);
    try {
      await this.run();
      return everyMs;
    } catch (err) {
      if (config.lake) metrics.lake('failed', 0);
      log.error(
        { err },
        'lake and retention: tried again in 10 minutes; nothing was removed that is not copied',
      );
      return Math.min(everyMs, AGAIN_MS);
    }
  }

  /** Does it now. Rejects when the lake cannot be written; then nothing is removed. */
  async run(): Promise<{ readonly lake: LakeReport | null; readonly dropped: Dropped | null }> {
    const { config, archive, clock, log, metrics } = this.#options;
    const lake = config.lake ? await this.#write(config.lake) : null;
    const ageMs = config.archive.retention.observations;
    if (ageMs === undefined || this.#isStopped) return { lake, dropped: null };
    const instant = clock.now() - ageMs;
    const dropped = await archive.dropBefore(instant, lake?.marks);
    metrics.retained(dropped.rows);
    if (dropped.months.length > 0)
      log.info(
        { rows: dropped.rows, months: dropped.months.map(formatInstant), before: formatInstant(instant) },
        'retention took readings from the archive',
      );
    return { lake, dropped };
  }

  async #write(to: NonNullable<Config['lake']>): Promise<LakeReport> {
    const { config, archive, ledger, clock, log, metrics } = this.#options;
    const medium = await openLake(to);
    try {
      const report = await writeLake({
        archive,
        medium,
        format: exportFormatOf(config),
        regions: regionsOf(await ledger.stations()),
        server: config.server.id,
        work: join(config.data, 'lake-work'),
        now: clock.now(),
        isStopped: () => this.#isStopped,
      });
      const { marks: _, ...counts } = report;
      metrics.lake('written', report.rows);
      log.info({ ...counts, to: to.to }, 'the lake is up to the archive');
      return report;
    } finally {
      medium.close();
    }
  }
}

/** The form that the archive's engine writes fastest, and can. */
export const exportFormatOf = ({ store }: Pick<Config, 'store'>): 'parquet' | 'csv' =>
  store.kind === 'embedded' ? 'parquet' : 'csv';

export const regionsOf = (
  stations: readonly { readonly id: string; readonly region: string }[],
): ReadonlyMap<string, string> => new Map(stations.map(({ id, region }) => [id, region]));
