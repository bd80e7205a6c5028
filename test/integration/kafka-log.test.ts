import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { logConformance } from '../../src/log/conformance.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { KafkaCluster, whyNoKafka } from '../servers/kafka.ts';

const reason = whyNoKafka();
let cluster: KafkaCluster;
let topics = 0;

describe.skipIf(reason !== undefined)(`the log on Apache Kafka${reason ? ` (${reason})` : ''}`, () => {
  beforeAll(async () => {
    cluster = await KafkaCluster.start(1);
  }, 300_000);
  afterAll(() => cluster?.stop());

  const open = (topic: string, more: object = {}) =>
    openKafkaLog({ brokers: cluster.brokers, topic, partitions: 4, groupPrefix: `${topic}-`, ...more });

  logConformance('Apache Kafka, one broker', {
    open: () => open(`conformance-${++topics}`),
    reopen: () => open(`conformance-${topics}`),
    async restart() {
      await cluster.kill(1);
      await cluster.startNode(1);
    },
    cleanup: async () => {},
  });

  test('a compacted topic is refused, and one copy of each record is told', async () => {
    const { Admin } = await import('@platformatic/kafka');
    const admin = new Admin({ clientId: 'foreign', bootstrapBrokers: [...cluster.brokers] });
    await admin.createTopics({
      topics: ['compacted'],
      partitions: 4,
      replicas: 1,
      configs: [{ name: 'cleanup.policy', value: 'compact' }],
    });
    await admin.close();
    await expect(open('compacted')).rejects.toMatchObject({
      code: 'ATL_CONFIG',
      message: expect.stringContaining('cleanup.policy'),
    });
    const events: unknown[] = [];
    await (await open('single', { onEvent: (event: unknown) => events.push(event) })).close();
    expect(events).toEqual([{ kind: 'one-copy', replicas: 1, minInSyncReplicas: 1 }]);
  });

  test('another number of partitions is refused, and names both', async () => {
    await (await open('counted')).close();
    await expect(open('counted', { partitions: 5 })).rejects.toMatchObject({
      code: 'ATL_CONFIG',
      message: expect.stringMatching(/\b4\b.*\b5\b/),
    });
  });
});
