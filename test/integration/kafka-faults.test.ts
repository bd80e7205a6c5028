import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import type { Log, LogEntry } from '../../src/log/log.ts';
import { KafkaCluster, whyNoKafka } from '../servers/kafka.ts';

// Three brokers, every record on all of them, two needed for an acknowledgement: one may be lost at any moment.

const reason = whyNoKafka();
const PARTITIONS = 6;
const WRITERS = 12;
let cluster: KafkaCluster;
let topics = 0;

interface Acknowledged {
  readonly partition: number;
  readonly offset: number;
  readonly text: string;
  readonly at: number;
}

/** Writers that each append to a partition of their own choice, one record after another, until they are told to stop. */
class Load {
  readonly acknowledged: Acknowledged[] = [];
  readonly refused = new Set<string>();
  /** Longest time without any acknowledgement in a partition, ms. */
  longestGapMs = 0;
  readonly #log: Log;
  readonly #running: Promise<void>[];
  #isOver = false;

  constructor(log: Log) {
    this.#log = log;
    this.#running = Array.from({ length: WRITERS }, (_, i) => this.#write(i));
  }

  async #write(writer: number): Promise<void> {
    const partition = writer % PARTITIONS;
    let last = performance.now();
    for (let i = 0; !this.#isOver; i++) {
      const text = `w${writer}:${i}`;
      try {
        const [offset] = await this.#log.append([
          { partition, key: `w${writer}`, payload: Buffer.from(String(i)) },
        ]);
        const at = performance.now();
        this.acknowledged.push({ partition, offset: offset!, text, at });
        this.longestGapMs = Math.max(this.longestGapMs, at - last);
        last = at;
      } catch {
        this.refused.add(text);
      }
    }
  }

  async until(count: number): Promise<void> {
    while (this.acknowledged.length < count) await new Promise((done) => setTimeout(done, 10));
  }

  /** All partitions were acknowledged after this moment. */
  async everywhereAfter(from: number): Promise<void> {
    const after = () =>
      new Set(this.acknowledged.filter(({ at }) => at > from).map(({ partition }) => partition));
    while (after().size < PARTITIONS) await new Promise((done) => setTimeout(done, 20));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }
}

/** What is in the log against what was acknowledged. */
async function verify(log: Log, load: Load): Promise<void> {
  let kept = 0;
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const { next } = await log.bounds(partition);
    const entries: LogEntry[] = [];
    for (let at = 0; at < next; at = (entries.at(-1)?.offset ?? next) + 1)
      entries.push(...(await log.read(partition, at, 10_000, 0)));
    kept += entries.length;
    const texts = new Map(entries.map((e) => [e.offset, `${e.key}:${Buffer.from(e.payload)}`]));
    const lost = load.acknowledged.filter((a) => a.partition === partition && texts.get(a.offset) !== a.text);
    expect(lost).toEqual([]);
    for (let writer = partition; writer < WRITERS; writer += PARTITIONS) {
      const own = entries
        .filter(({ key }) => key === `w${writer}`)
        .map((e) => Number(Buffer.from(e.payload)));
      // In order, and none twice.
      expect(own).toEqual([...new Set(own)].sort((a, b) => a - b));
    }
  }
  expect(kept).toBeLessThanOrEqual(load.acknowledged.length + load.refused.size);
}

describe.skipIf(reason !== undefined)(
  `three brokers of Kafka under load${reason ? ` (${reason})` : ''}`,
  () => {
    beforeAll(async () => {
      cluster = await KafkaCluster.start(3);
    }, 300_000);
    afterAll(() => cluster?.stop());

    const open = (): Promise<Log> =>
      openKafkaLog({ brokers: cluster.brokers, topic: `faults-${++topics}`, partitions: PARTITIONS });

    test('a leader that is killed: nothing acknowledged is lost, the order per key is kept', async () => {
      const log = await open();
      const waiting = Array.from({ length: PARTITIONS }, (_, p) => log.read(p, 0, 1, 120_000));
      const load = new Load(log);
      await load.until(500);
      await Promise.all(waiting);
      const killedAt = performance.now();
      await cluster.kill(1);
      await load.everywhereAfter(killedAt + 50);
      const recoveredMs = performance.now() - killedAt;
      await load.until(load.acknowledged.length + 500);
      await cluster.startNode(1);
      await load.until(load.acknowledged.length + 500);
      await load.stop();
      await verify(log, load);
      expect(load.refused.size).toBe(0);
      console.log(
        `killed leader: all partitions acknowledged again after ${Math.round(recoveredMs)} ms (longest wait of a writer ${Math.round(load.longestGapMs)} ms), ${load.acknowledged.length} acknowledged, ${load.refused.size} refused`,
      );
      await log.close();
    });

    const isLong = process.env.ATALAIA_TEST === 'all';
    test.runIf(isLong)(
      'a leader that hangs and wakes again: nothing is lost, nor written twice',
      async () => {
        const log = await open();
        const load = new Load(log);
        await load.until(200);
        const from = performance.now();
        cluster.hang(2, true);
        await load.everywhereAfter(from + 1000);
        console.log(
          `hanging leader: all partitions acknowledged again after ${Math.round(performance.now() - from)} ms`,
        );
        cluster.hang(2, false);
        await load.until(load.acknowledged.length + 500);
        await load.stop();
        await verify(log, load);
        await log.close();
      },
    );

    test.runIf(isLong)(
      'with one in-sync copy left nothing is acknowledged, and all goes on when one comes back',
      async () => {
        const log = await open();
        const load = new Load(log);
        await load.until(200);
        await cluster.kill(2);
        await cluster.kill(3);
        await new Promise((done) => setTimeout(done, 1000));
        const before = load.acknowledged.length;
        await new Promise((done) => setTimeout(done, 2000));
        expect(load.acknowledged.length).toBe(before);
        const from = performance.now();
        await Promise.all([cluster.startNode(2), cluster.startNode(3)]);
        await load.everywhereAfter(from);
        await load.stop();
        await verify(log, load);
        await log.close();
      },
    );
  },
);
