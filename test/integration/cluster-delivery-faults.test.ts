import { expect, test } from 'vitest';
import { benchDeliveryFaults } from '../../bench/delivery-faults.ts';
import { whyNoKafka } from '../servers/kafka.ts';
import { findPostgresql, postgresqlHint } from '../servers/postgresql.ts';

const reason = whyNoKafka() ?? (findPostgresql() ? undefined : postgresqlHint.trim());

test.skipIf(reason !== undefined)(
  `one of three processes is killed with alerts under way: none is lost, none told twice${reason ? ` (skipped: ${reason})` : ''}`,
  async () => {
    const { rows } = await benchDeliveryFaults({ alerts: [60], seconds: 1, faults: ['node-killed'] });
    expect(rows).toMatchObject([{ fault: 'node-killed', alerts: 60, lost: 0, toldTwice: 0 }]);
  },
  240_000,
);
