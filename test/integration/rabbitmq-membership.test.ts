import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, membershipConformance, Watcher } from '../../src/log/conformance-membership.ts';
import type { Membership } from '../../src/log/membership.ts';
import { openRabbitmqMembership } from '../../src/log/rabbitmq/membership.ts';
import { RabbitmqCluster, whyNoRabbitmq } from '../servers/rabbitmq.ts';

const reason = whyNoRabbitmq();
const PARTITIONS = 8;
const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
let cluster: RabbitmqCluster;

const open = (): Promise<Membership> =>
  openRabbitmqMembership({ urls: cluster.urls, name: 'held', partitions: PARTITIONS });

describe.skipIf(reason !== undefined)(
  `partitions by batons in RabbitMQ${reason ? ` (${reason})` : ''}`,
  () => {
    beforeAll(async () => {
      cluster = await RabbitmqCluster.start(1);
    }, 300_000);
    afterAll(() => cluster?.stop());

    membershipConformance('RabbitMQ, batons', { partitions: PARTITIONS, isShared: true, open });

    test('partitions are lost with the connection, and come back with the next one', async () => {
      const watcher = new Watcher('a');
      const membership = await open();
      try {
        const member = await membership.join('dropped', watcher);
        await eventually(() => member.partitions, all);
        while ((await cluster.dropConnections()) === 0) await new Promise((done) => setTimeout(done, 100));
        await eventually(() => watcher.reasons.includes('lost'), true);
        await eventually(() => member.partitions, all);
        expect(watcher.conflicts).toEqual([]);
      } finally {
        await membership.close();
      }
    });
  },
);
