import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { expect } from 'vitest';
import { formatAlertEvent } from '../../src/alerts/event-json.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import type { Log, LogEntry } from '../../src/log/log.ts';
import type { Ledger } from '../../src/store/ledger/ledger.ts';
import { openPostgresLedger } from '../../src/store/ledger/postgresql/ledger.ts';
import type { Place } from '../servers/network.ts';
import type { PostgresqlServer } from '../servers/postgresql.ts';
import { Program, root, until } from './server.ts';
import { type Expected, STORM } from './storm.ts';

export const PARTITIONS = 8;
const ENDED = 'The recording has ended';

/** Everything in a log, partition after partition. */
export async function entriesOf(log: Log): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for (let partition = 0; partition < log.partitions; partition++) {
    let { oldest: offset } = await log.bounds(partition);
    const { next } = await log.bounds(partition);
    while (offset < next) {
      const page = await log.read(partition, offset, 1000, 5000);
      entries.push(...page);
      offset = (page.at(-1)?.offset ?? next) + 1;
    }
  }
  return entries;
}

/** The alert events in a topic of Kafka, sorted; each must lie under its alert's key. */
export async function topicEvents(brokers: readonly string[], topic: string): Promise<string[]> {
  const log = await openKafkaLog({ brokers, topic, partitions: PARTITIONS });
  try {
    return (await entriesOf(log))
      .map(({ key, payload }) => {
        const { event } = JSON.parse(Buffer.from(payload).toString('utf8')) as { event: { alert: string } };
        expect(key).toBe(event.alert);
        return JSON.stringify(event);
      })
      .sort();
  } finally {
    await log.close();
  }
}

export interface RunOptions {
  readonly folder: string;
  readonly name: string;
  /** `log:` of the configuration. */
  readonly log: string;
  readonly server: PostgresqlServer;
  /** Time that the recorded storm is played in; 0: a live system. */
  readonly seconds: number;
  /** Folder of the recording; default the whole storm. */
  readonly scenario?: string;
  /** Further lines of the configuration. */
  readonly more?: string;
  /** Further variables of the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What it logged; a line that is still on its way is left out. */
const wholeLines = ({ stderr }: Program): string[] => stderr.split('\n').slice(0, -1);

/** Processes of one system: the same configuration, folders of their own. */
export class ClusterRun {
  readonly programs: Program[] = [];
  readonly #options: RunOptions;
  readonly #beganAt = performance.now();
  #cost = { seconds: 0, largestMiB: 0, sumMiB: 0 };

  constructor(options: RunOptions) {
    this.#options = options;
  }

  async start(count: number, place?: Place): Promise<void> {
    const { folder, name, log, server, seconds, scenario = STORM, more = '', env = {} } = this.#options;
    const started = Array.from({ length: count }, async () => {
      const cwd = join(folder, `${name}-${this.programs.length}-${Math.random().toString(36).slice(2)}`);
      mkdirSync(cwd);
      writeFileSync(
        join(cwd, 'atalaia.yaml'),
        `environment: exercise
rules: [${join(root, 'rules/inmet')}]
pipeline: { partitions: ${PARTITIONS} }
sources: [${seconds > 0 ? ` { kind: scenario, directory: ${scenario}, duration: ${seconds}s } ` : ''}]
log: ${log}
store: { kind: postgresql, url: { env: TEST_DATABASE }, schema: ${name} }
${more}`,
      );
      const program = new Program(['start', '--port', '0'], {
        cwd,
        ...(place ? { place } : {}),
        env: { ...env, ATALAIA_LOG_LEVEL: 'info', TEST_DATABASE: server.url },
      });
      this.programs.push(program);
      await program.listening();
    });
    await Promise.all(started);
  }

  /** Those that were not killed. */
  get alive(): Program[] {
    return this.programs.filter(({ hasEnded }) => !hasEnded);
  }

  /** Partitions that a process took over in all, by what it logged. */
  taken(program: Program): number[] {
    return this.#told(program, 'taken');
  }

  #told(program: Program, kind: string): number[] {
    const lines = wholeLines(program).filter((line) => line.includes(`"msg":"partitions ${kind}"`));
    return lines.flatMap((line) => (JSON.parse(line) as { partitions: number[] }).partitions);
  }

  /** What a process holds just now. */
  held(program: Program): number[] {
    const held = new Set<number>();
    for (const line of wholeLines(program)) {
      const [, kind] = /"msg":"partitions (\w+)"/.exec(line) ?? [];
      if (!kind) continue;
      for (const one of (JSON.parse(line) as { partitions: number[] }).partitions)
        if (kind === 'taken') held.add(one);
        else held.delete(one);
    }
    return [...held].sort((a, b) => a - b);
  }

  /** Every partition is held by one of the processes that live, and each holds some. */
  async shared(): Promise<void> {
    await until(
      () => {
        const all = this.alive.map((program) => this.held(program));
        return all.flat().length === PARTITIONS && all.every(({ length }) => length > 0);
      },
      60_000,
      `the partitions to be shared: ${this.programs.map(({ stderr }) => stderr).join('\n')}`,
    );
  }

  /** A moment in the middle: some alerts are told, and more are to come. */
  async inTheMiddle(expected: Expected): Promise<void> {
    await this.shared();
    const told = (): Promise<number> => this.query('SELECT count(*) AS n FROM {}_ledger.revisions');
    await until(async () => (await told()) > 60, 60_000, 'some alerts');
    // Where the recording stands by now depends on the machine.
    expect(await told()).toBeLessThan(expected.events.length);
  }

  /** Begins to wait until each of these partitions has folded on; resolves with the time that it took, ms. */
  async recovery(partitions: readonly number[]): Promise<() => Promise<number>> {
    const at = (partition: number): Promise<number> =>
      this.query(
        `SELECT coalesce(sum("offset"), 0) AS n FROM {}_ledger.positions WHERE partition = ${partition}`,
      );
    const began = performance.now();
    const before = await Promise.all(partitions.map(at));
    return async () => {
      for (const [i, partition] of partitions.entries())
        await until(
          async () => (await at(partition)) > (before[i] as number),
          90_000,
          `partition ${partition} to get on`,
        );
      return performance.now() - began;
    };
  }

  /** One number of the database; `{}` stands for the schema's beginning. */
  async query(sql: string): Promise<number> {
    const { server, name } = this.#options;
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    try {
      return Number((await client.query(sql.replaceAll('{}', name))).rows[0].n);
    } finally {
      await client.end();
    }
  }

  /** What a run to the end took, in words. */
  cost(): string {
    const { seconds, largestMiB, sumMiB } = this.#cost;
    return `${Math.round(seconds)} s from the start to the end of the recording; at most ${Math.round(largestMiB)} MiB in a process, ${Math.round(sumMiB)} MiB in all`;
  }

  /** Waits until the processes that live say that the recording has ended, and stops them in order. */
  async end(): Promise<void> {
    const over = (program: Program): boolean => program.stdout.includes(ENDED) || program.hasEnded;
    const programs = this.alive;
    await until(
      () => programs.every(over),
      150_000,
      `the end of the recording: ${programs.map(({ stderr }) => stderr.slice(-3000)).join('\n---\n')}`,
    );
    for (const program of programs) expect(program.hasEnded, program.stderr).toBe(false);
    const peaks = programs.map((program) => program.peakMiB());
    this.#cost = {
      seconds: (performance.now() - this.#beganAt) / 1000,
      largestMiB: Math.max(...peaks),
      sumMiB: peaks.reduce((sum, peak) => sum + peak),
    };
    for (const program of programs) expect(await program.signal('SIGTERM'), program.stderr).toBe(0);
  }

  async kill(): Promise<void> {
    for (const program of this.alive) {
      program.freeze(false);
      await program.signal('SIGKILL');
    }
  }

  /** The ledger, for a question. */
  async ledger<T>(ask: (ledger: Ledger) => Promise<T>): Promise<T> {
    const { server, name } = this.#options;
    const ledger = await openPostgresLedger({ url: server.url, schema: `${name}_ledger` });
    try {
      return await ask(ledger);
    } finally {
      await ledger.close();
    }
  }

  events(): Promise<string[]> {
    return this.ledger(async (ledger) => {
      const events: string[] = [];
      for await (const event of ledger.events()) events.push(formatAlertEvent(event));
      return events;
    });
  }

  /** The ledger's events are those of the replay byte for byte, and no row is missing or there twice. */
  async verify(expected: Expected): Promise<void> {
    const events = await this.events();
    expect(events.join('\n')).toBe(expected.events.join('\n'));
    expect(await this.query('SELECT count(*) AS n FROM {}_ledger.revisions')).toBe(expected.events.length);
    expect(await this.query('SELECT count(*) AS n FROM {}_archive.observations')).toBe(expected.rows);
    const good = await this.query("SELECT count(*) AS n FROM {}_archive.observations WHERE flag <> 'bad'");
    expect(await this.query('SELECT sum(count) AS n FROM {}_archive.hourly')).toBe(good);
    expect(await this.query('SELECT count(*) AS n FROM {}_ledger.commands WHERE NOT relayed')).toBe(0);
  }
}
