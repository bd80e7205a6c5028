import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Admin, ConfigResourceTypes } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, membershipConformance, Watcher } from '../../src/log/conformance-membership.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { openKafkaMembership } from '../../src/log/kafka/membership.ts';
import type { Membership } from '../../src/log/membership.ts';
import { KafkaCluster, whyNoKafka } from '../servers/kafka.ts';

const reason = whyNoKafka();
const PARTITIONS = 8;
const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
const topic = 'held';
let cluster: KafkaCluster;

const open = (): Promise<Membership> =>
  openKafkaMembership({ brokers: cluster.brokers, topic, groupPrefix: 'test-', sessionTimeoutMs: 3000 });

describe.skipIf(reason !== undefined)(
  `partitions by a group of Apache Kafka${reason ? ` (${reason})` : ''}`,
  () => {
    beforeAll(async () => {
      cluster = await KafkaCluster.start(1);
      await (await openKafkaLog({ brokers: cluster.brokers, topic, partitions: PARTITIONS })).close();
    }, 300_000);
    afterAll(() => cluster?.stop());

    membershipConformance('Apache Kafka, KIP-848', { partitions: PARTITIONS, isShared: true, open });

    test('partitions of a member that is killed move when its session is over', async () => {
      const script = join(import.meta.dirname, '../servers/kafka-member.ts');
      const args = [cluster.brokers[0] as string, topic, 'test-', 'killed'];
      const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
      let told = '';
      child.stdout.on('data', (chunk) => {
        told += chunk;
      });
      await eventually(() => told.startsWith('assigned 0,1,2,3,4,5,6,7'), true);
      const watcher = new Watcher('survivor');
      const membership = await open();
      const member = await membership.join('killed', watcher);
      await eventually(() => member.partitions.length, PARTITIONS / 2);
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      const from = performance.now();
      await eventually(() => member.partitions, all);
      const tookMs = performance.now() - from;
      // The session of the test's broker is 3 s: before that they cannot be given to anyone.
      expect(tookMs).toBeGreaterThan(1000);
      console.log(`the partitions of a killed member moved after ${Math.round(tookMs)} ms`);
      expect(watcher.conflicts).toEqual([]);
      await membership.close();
    });

    test("the session that is asked for becomes the group's own, within the bounds of the cluster", async () => {
      const refusals: string[] = [];
      const ask = async (group: string, sessionTimeoutMs: number): Promise<number> => {
        const membership = await openKafkaMembership({
          ...{ brokers: cluster.brokers, topic, groupPrefix: 'test-', sessionTimeoutMs },
          onSessionRefused: (failure) => void refusals.push(failure),
        });
        await membership.join(group, new Watcher(group));
        const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...cluster.brokers] });
        const [found] = await admin.describeConfigs({
          resources: [{ resourceType: ConfigResourceTypes.GROUP, resourceName: `test-${group}-members` }],
        });
        await Promise.all([admin.close(), membership.close()]);
        return Number(found?.configs.find(({ name }) => name === 'consumer.session.timeout.ms')?.value);
      };
      expect(await ask('quick', 6000)).toBe(6000);
      expect(refusals).toEqual([]);
      // The test's brokers allow from 1 s to a minute and have 3 s of their own: the member joins all the same.
      expect(await ask('slow', 120_000)).toBe(3000);
      expect(refusals).toEqual([expect.stringContaining('consumer.session.timeout.ms')]);
    });

    test('a member that hears nothing for a session is told that all is lost, and gets all again', async () => {
      const watcher = new Watcher('a');
      const membership = await open();
      const member = await membership.join('deaf', watcher);
      await eventually(() => member.partitions, all);
      await cluster.kill(1);
      await eventually(() => member.partitions, []);
      expect(watcher.reasons).toEqual(['lost']);
      await cluster.startNode(1);
      await eventually(() => member.partitions, all);
      expect(watcher.conflicts).toEqual([]);
      await membership.close();
    });
  },
);
