import { z } from 'zod';
import { alertId } from '../../alerts/identity.ts';
import type { Clock } from '../../lib/clock.ts';
import type { RaiseCommand } from '../../model/act.ts';
import { dayStart, localDay } from '../../model/local-day.ts';
import { selfTestCommand } from '../../model/self-test.ts';
import { DAY_MS, formatInstant, SECOND_MS } from '../../model/time.ts';
import type { Delivery } from '../../store/ledger/delivery.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { RESTORED } from '../backup/restored.ts';
import { partitionOf } from '../partition.ts';
import type { CommandRelay } from '../relay.ts';
import { type SelfTestConfig, timeOfDay } from './config.ts';
import { judgeAll, judgeRun, type SelfTestRun, type SelfTestStatus } from './verdict.ts';

const LOOK_MS = 1000;
/** Key of the ledger's note of the newest runs. */
const META = 'self-test';
const KEPT = 2;
const BY = 'self-test';

const runSchema = z.array(
  z.object({
    command: z.string(),
    alert: z.string(),
    at: z.number(),
    by: z.string(),
    channels: z.array(z.string()),
    deadlineMs: z.number(),
  }),
);

export interface SelfTestOptions {
  readonly config: SelfTestConfig;
  readonly channels: readonly string[];
  readonly ledger: Pick<Ledger, 'meta' | 'putMeta' | 'command' | 'deliveries'>;
  readonly relay: Pick<CommandRelay, 'putAct'>;
  readonly partitions: number;
  readonly clock: Clock;
  /** Told when the verdict changes. */
  readonly onChange: (status: SelfTestStatus) => void;
  readonly onFailure: (error: unknown) => void;
}

/**
 * Once a day the system warns itself. The test is a command in the log, as an alert that a person raises: it goes through
 * log, fold, ledger and outbox to every channel. Its command's id is made of the date, so any number of processes and
 * restarts begin one a day; one that was due while nobody ran is made up at the next start.
 */
export class SelfTest {
  readonly #options: SelfTestOptions;
  readonly #startedAt: number;
  #cancel: () => void = () => {};
  #isStopped = false;
  #looking: Promise<void> = Promise.resolve();
  #runs: readonly SelfTestRun[] = [];
  #deliveries: ReadonlyMap<string, readonly Delivery[]> = new Map();
  #restoredAt = Number.NEGATIVE_INFINITY;
  #told = '';
  #hasFailed = false;

  constructor(options: SelfTestOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  start(): void {
    if (this.#isStopped) return;
    this.#looking = this.#look().then(() => {
      if (!this.#isStopped) this.#cancel = this.#options.clock.after(LOOK_MS, () => this.start());
    });
  }

  /** Resolves when nothing of it is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#looking;
  }

  /** Begins a test now, beside the daily one; the same id again is the same test. */
  async now(command: string, by: string): Promise<SelfTestRun> {
    const run = await this.#begin(command, by);
    await this.#read();
    return run;
  }

  /** By what was read last, and the clock: a ledger that does not answer does not keep a failure from showing. */
  status(): SelfTestStatus {
    const { config, clock } = this.#options;
    const now = clock.now();
    const { dueAt, nextAt } = dueOf(config, now);
    const overdueAt = Math.max(dueAt, this.#startedAt) + config.deadline;
    const isMissed = now > overdueAt && dueAt > this.#restoredAt && !this.#runs.some(({ at }) => at >= dueAt);
    const verdicts = this.#runs.map((run) => judgeRun(run, this.#deliveries.get(run.alert) ?? [], now));
    return judgeAll(verdicts, isMissed ? overdueAt : null, nextAt);
  }

  async #look(): Promise<void> {
    try {
      await this.#read();
      const { dueAt, date } = dueOf(this.#options.config, this.#options.clock.now());
      // What was due before a restore the system that made the backup has done.
      if (dueAt > this.#restoredAt && !this.#runs.some(({ at }) => at >= dueAt)) {
        await this.#begin(`self-test-${date}`, BY);
        await this.#read();
      }
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) this.#options.onFailure(error);
      this.#hasFailed = true;
    }
    const status = this.status();
    const told = `${status.state} ${status.newest?.run.command} ${status.ok}`;
    if (told !== this.#told) this.#options.onChange(status);
    this.#told = told;
  }

  async #begin(command: string, by: string): Promise<SelfTestRun> {
    const { ledger, relay, partitions, clock, config, channels } = this.#options;
    const at = Math.floor(clock.now() / SECOND_MS) * SECOND_MS;
    // Another partition each time: in the course of weeks all of them are tested.
    await relay.putAct(command, partitionOf(command, partitions), selfTestCommand(at, config.deadline, by));
    // The first command of an id counts, whoever put it.
    const kept = await ledger.command(command);
    const { act } = JSON.parse(kept?.json ?? '{}') as { readonly act: RaiseCommand };
    const run: SelfTestRun = {
      ...{ command, by: act.by, at: act.at, channels, deadlineMs: config.deadline },
      alert: alertId(act.rule.name, act.subject, act.at),
    };
    const runs = runsOf(await ledger.meta(META)).filter((one) => one.command !== command);
    // Of two of one second this one is the newer.
    const newest = [run, ...runs].sort((a, b) => b.at - a.at).slice(0, KEPT);
    await ledger.putMeta(META, JSON.stringify(newest));
    return run;
  }

  async #read(): Promise<void> {
    const { ledger } = this.#options;
    const restored = await ledger.meta(RESTORED);
    if (restored !== undefined) this.#restoredAt = (JSON.parse(restored) as { readonly at: number }).at;
    const runs = runsOf(await ledger.meta(META));
    const deliveries = new Map<string, readonly Delivery[]>();
    for (const { alert } of runs) deliveries.set(alert, await ledger.deliveries({ alert, limit: 1000 }));
    this.#runs = runs;
    this.#deliveries = deliveries;
  }
}

const runsOf = (text: string | undefined): readonly SelfTestRun[] =>
  text === undefined ? [] : runSchema.parse(JSON.parse(text));

/**
 * The newest instant at which a test was due, with its local date, and the next one. The hour counts from local midnight:
 * on a day whose clock changes it may be an hour off.
 */
export function dueOf(
  config: Pick<SelfTestConfig, 'at' | 'timeZone'>,
  now: number,
): { readonly dueAt: number; readonly date: string; readonly nextAt: number } {
  const { timeZone } = config;
  const dueOn = (day: number): number => dayStart(day, timeZone) + timeOfDay(config);
  const today = localDay(now, timeZone);
  const day = dueOn(today) <= now ? today : today - 1;
  return { dueAt: dueOn(day), date: formatInstant(day * DAY_MS).slice(0, 10), nextAt: dueOn(day + 1) };
}
