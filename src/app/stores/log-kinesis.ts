import { join } from 'node:path';
import { openKinesisLog } from '../../log/kinesis/kinesis-log.ts';
import { openKinesisMembership } from '../../log/kinesis/membership.ts';
import type { Log } from '../../log/log.ts';
import type { Membership } from '../../log/membership.ts';
import type { Coordination } from '../../store/ledger/coordination.ts';
import { openPostgresCoordination } from '../../store/ledger/postgresql/coordination.ts';
import { openSqliteCoordination } from '../../store/ledger/sqlite/coordination.ts';
import type { Config } from '../config/schema.ts';
import { defined, textOf } from '../config/secrets.ts';
import type { KinesisConfig } from '../config/store-config.ts';
import type { StoresOptions } from './stores.ts';

/** Places in the stream are kept in the ledger: every process counts from the same ones. */
export async function openKinesis(
  settings: KinesisConfig,
  { config, clock, log }: StoresOptions,
): Promise<Log> {
  const { stream, consumer, kind: _, sessionTimeout: __, ...rest } = settings;
  const shared = await openCoordination(config);
  try {
    const opened = await openKinesisLog({
      stream,
      partitions: config.pipeline.partitions,
      index: shared.index,
      clock,
      onEvent: (event) => log.warn({ event, stream }, 'log'),
      ...defined(rest),
      ...(consumer === undefined ? {} : { consumer: { name: consumer, leases: shared.leases } }),
    });
    return withClose(opened, () => shared.close());
  } catch (error) {
    await shared.close();
    throw error;
  }
}

/** Leases of the ledger say who holds which partition: the stream itself knows nobody. */
export async function joinKinesis(
  { stream, sessionTimeout }: KinesisConfig,
  { config, clock, log }: StoresOptions,
): Promise<Membership> {
  const shared = await openCoordination(config);
  const membership = await openKinesisMembership({
    leases: shared.leases,
    stream,
    partitions: config.pipeline.partitions,
    clock,
    onFailure: (error) => log.warn({ err: error, stream }, 'leases of the stream cannot be renewed'),
    ...defined({ ttlMs: sessionTimeout }),
  });
  return {
    join: (group, events) => membership.join(group, events),
    async close() {
      await membership.close();
      await shared.close();
    },
  };
}

/** Leases and places of streams beside the ledger, over connections of their own: no lease waits behind its work. */
function openCoordination({ store, data }: Config): Promise<Coordination> {
  if (store.kind === 'embedded') return openSqliteCoordination({ path: join(data, 'ledger.sqlite') });
  return openPostgresCoordination({ url: textOf(store.url), schema: `${store.schema}_ledger` });
}

/** The log, which closes something else after itself. */
const withClose = (log: Log, after: () => Promise<void>): Log => ({
  partitions: log.partitions,
  append: (records) => log.append(records),
  read: (...given) => log.read(...given),
  bounds: (partition) => log.bounds(partition),
  commit: (...given) => log.commit(...given),
  lag: (group) => log.lag(group),
  trim: (oldest) => log.trim(oldest),
  async close() {
    await log.close();
    await after();
  },
});
