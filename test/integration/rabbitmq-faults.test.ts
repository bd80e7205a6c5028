import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Log, LogEntry } from '../../src/log/log.ts';
import { openRabbitmqLog } from '../../src/log/rabbitmq/rabbitmq-log.ts';
import { streamOf } from '../../src/log/rabbitmq/streams.ts';
import { RabbitmqCluster, whyNoRabbitmq } from '../servers/rabbitmq.ts';

// A cluster of three nodes; the one that leads a stream is killed under load.

const reason = whyNoRabbitmq();
const WRITERS = 20;
const PARTITIONS = 2;

/** Writers that wait for each answer and count up in their own key, over both partitions. */
class Load {
  readonly acknowledged: { readonly partition: number; readonly offset: number; readonly text: string }[] =
    [];
  readonly refused = new Set<string>();
  /** Of the first partition, whose leader is killed. */
  longestSilenceMs = 0;
  #at = performance.now();
  readonly #counts: number[] = new Array(PARTITIONS).fill(0);
  #isOver = false;
  readonly #running: Promise<unknown>;

  constructor(log: Log) {
    this.#running = Promise.all(
      Array.from({ length: WRITERS }, async (_, w) => {
        const partition = w % PARTITIONS;
        for (let i = 0; !this.#isOver; i++) {
          const text = `w${w}:${i}`;
          try {
            const [offset] = await log.append([{ partition, key: `w${w}`, payload: Buffer.from(text) }]);
            this.acknowledged.push({ partition, offset: offset as number, text });
            this.#counts[partition]!++;
            if (partition !== 0) continue;
            this.longestSilenceMs = Math.max(this.longestSilenceMs, performance.now() - this.#at);
            this.#at = performance.now();
          } catch {
            this.refused.add(text);
          }
        }
      }),
    );
  }

  /** Resolves when each partition has acknowledged so many more. */
  async more(count: number): Promise<void> {
    const until = this.#counts.map((before) => before + count);
    while (this.#counts.some((now, p) => now < until[p]!)) await new Promise((done) => setTimeout(done, 10));
  }

  stop(): Promise<unknown> {
    this.#isOver = true;
    return this.#running;
  }
}

async function everything(log: Log): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const { oldest, next } = await log.bounds(partition);
    for (let at = oldest; at < next; ) {
      const some = await log.read(partition, at, 5000, 10_000);
      entries.push(...some);
      at = (some.at(-1)?.offset ?? next) + 1;
    }
  }
  return entries;
}

/** Nothing acknowledged is lost or elsewhere, nothing is there twice, each key lies in the order of its calls. */
function expectKept(entries: readonly LogEntry[], load: Load): void {
  const textOf = (entry: LogEntry): string => Buffer.from(entry.payload).toString();
  const kept = new Map(entries.map((entry) => [`${entry.partition}/${entry.offset}`, textOf(entry)]));
  expect(load.acknowledged.filter((one) => kept.get(`${one.partition}/${one.offset}`) !== one.text)).toEqual(
    [],
  );
  expect(new Set(kept.values()).size).toBe(kept.size);
  for (let w = 0; w < WRITERS; w++) {
    const own = entries
      .filter(({ key }) => key === `w${w}`)
      .map((entry) => Number(textOf(entry).split(':')[1]));
    expect(own).toEqual([...own].sort((a, b) => a - b));
  }
  const answered = new Set([...load.acknowledged.map(({ text }) => text), ...load.refused]);
  expect(entries.filter((entry) => !answered.has(textOf(entry)))).toEqual([]);
}

describe.skipIf(reason !== undefined)(`RabbitMQ, three nodes${reason ? ` (${reason})` : ''}`, () => {
  let cluster: RabbitmqCluster;
  beforeAll(async () => {
    cluster = await RabbitmqCluster.start(3);
  }, 300_000);
  afterAll(() => cluster?.stop());

  /** Loads a new log, kills the leader of its first stream, and looks at what is left. */
  async function survive(name: string, isAtLeader: boolean): Promise<void> {
    await (await openRabbitmqLog({ urls: cluster.urls, name, partitions: PARTITIONS })).close();
    let leader = -1;
    for (let tries = 0; leader < 0 && tries < 100; tries++) {
      leader = await cluster.leaderOf(streamOf(name, 0));
      await new Promise((done) => setTimeout(done, 100));
    }
    expect(leader).toBeGreaterThanOrEqual(0);
    const others = cluster.urls.filter((_, i) => i !== leader);
    // Whoever is connected to the node that dies learns the others only afterwards.
    const urls = isAtLeader ? [cluster.urls[leader] as string] : [...others];
    const log = await openRabbitmqLog({ urls, name, partitions: PARTITIONS });
    if (isAtLeader) urls.push(...others);
    try {
      const load = new Load(log);
      await load.more(1000);
      load.longestSilenceMs = 0;
      const seen = load.acknowledged.length;
      const killedAt = performance.now();
      await cluster.kill(leader);
      await load.more(1000);
      const recoveredMs = performance.now() - killedAt;
      await load.stop();
      expectKept(await everything(log), load);
      console.log(
        `RabbitMQ: leader killed under load (client at ${isAtLeader ? 'the leader' : 'another node'}): longest silence ${Math.round(load.longestSilenceMs)} ms, 1000 more acknowledged in each partition after ${Math.round(recoveredMs)} ms; ${seen} before, ${load.acknowledged.length} in all, ${load.refused.size} refused as not known`,
      );
      // Confirms that died with the leader never come: what waits for one is given up after 30 s, not known.
      expect(load.longestSilenceMs).toBeLessThan(60_000);
    } finally {
      await log.close();
      await cluster.startNode(leader);
    }
  }

  test(
    'the leader of a stream is killed: the client is at another node',
    () => survive('away', false),
    120_000,
  );
  test('the leader of a stream is killed: the client is there', () => survive('there', true), 120_000);
});
