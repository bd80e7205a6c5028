import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { logConformance } from '../../src/log/conformance.ts';
import type { Log } from '../../src/log/log.ts';
import { openRabbitmqLog, type RabbitmqLogOptions } from '../../src/log/rabbitmq/rabbitmq-log.ts';
import { RabbitmqCluster, whyNoRabbitmq } from '../servers/rabbitmq.ts';

const reason = whyNoRabbitmq();
let cluster: RabbitmqCluster;
let logs = 0;

/** What an operator does where records shall go: a policy that keeps less. The broker then removes whole segments. */
function trimmedByPolicy(log: Log, name: string): Log {
  const trim = async (oldest: readonly number[]): Promise<void> => {
    await log.trim(oldest);
    const partition = oldest.findIndex((offset) => offset > 1);
    if (partition < 0) return;
    await cluster.api('PUT', `/api/policies/%2F/${name}`, {
      pattern: `^${name}-${partition}$`,
      'apply-to': 'queues',
      definition: { 'max-length-bytes': 250_000 },
    });
    const until = performance.now() + 10_000;
    while ((await log.bounds(partition)).oldest === 0 && performance.now() < until)
      await new Promise((done) => setTimeout(done, 50));
  };
  return new Proxy(log, {
    get: (target, key) => {
      const value = key === 'trim' ? trim : Reflect.get(target, key, target);
      return typeof value === 'function' && key !== 'trim' ? value.bind(target) : value;
    },
  });
}

describe.skipIf(reason !== undefined)(`the log on RabbitMQ${reason ? ` (${reason})` : ''}`, () => {
  beforeAll(async () => {
    cluster = await RabbitmqCluster.start(1);
  }, 300_000);
  afterAll(() => cluster?.stop());

  const open = async (name: string, more: Partial<RabbitmqLogOptions> = {}): Promise<Log> =>
    trimmedByPolicy(
      await openRabbitmqLog({ urls: cluster.urls, name, partitions: 4, segmentBytes: 50_000, ...more }),
      name,
    );

  logConformance('RabbitMQ streams, one node', {
    open: () => open(`conformance-${++logs}`),
    reopen: () => open(`conformance-${logs}`),
    async restart() {
      await cluster.kill(0);
      await cluster.startNode(0);
    },
    // A stream keeps notes of its own at the start of a segment, and they take an offset.
    isDense: false,
    cleanup: async () => {},
  });

  test('another number of partitions is refused, and names both', async () => {
    await (await open('counted')).close();
    for (const [partitions, text] of [
      [5, /\b4\b.*\b5\b/],
      [3, /\b4\b.*\b3\b/],
    ] as const) {
      await expect(open('counted', { partitions })).rejects.toMatchObject({
        code: 'ATL_CONFIG',
        message: expect.stringMatching(text),
      });
    }
  });

  test('old records are read by a consumer of their own, all of them, from two positions in turn', async () => {
    const texts = Array.from({ length: 4000 }, (_, i) => `r${i}`);
    const writer = await open('old');
    const offsets = await writer.append(
      texts.map((text) => ({ partition: 1, key: 'k', payload: Buffer.from(text) })),
    );
    await writer.close();
    const reader = await open('old', { cacheBytes: 2000 });
    try {
      const at = [0, offsets[1500] as number];
      const seen: string[][] = [[], []];
      for (let turn = 0; at.some((offset) => offset <= (offsets.at(-1) as number)); turn++) {
        const who = turn % 2;
        const some = await reader.read(1, at[who] as number, 300);
        // Without a wait, too, what is there comes: an empty answer is the end.
        if (some.length === 0) expect(at[who]).toBe((offsets.at(-1) as number) + 1);
        seen[who]?.push(...some.map(({ payload }) => Buffer.from(payload).toString()));
        at[who] = (some.at(-1)?.offset ?? (at[who] as number) - 1) + 1;
      }
      expect(seen).toEqual([texts, texts.slice(1500)]);
    } finally {
      await reader.close();
    }
  });
});
