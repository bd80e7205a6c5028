import { mkdir } from 'node:fs/promises';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { PostgresqlConfig } from '../config/store-config.ts';
import { openCheckpoints } from './checkpoint-kinds.ts';
import { identityOf, membershipOf, openLog, openTopic } from './log-kinds.ts';
import { openStore } from './store-kinds.ts';
import type { Stores, StoresOptions } from './stores.ts';

/**
 * Opens log, ledger, archive and checkpoints as configured; what is open already is closed when a later one fails.
 * Rejects with ATL_CONFIG when a client package is missing or the stores belong to another log, else as the adapters.
 */
export async function openStores(options: StoresOptions): Promise<Stores> {
  const { config } = options;
  await mkdir(config.data, { recursive: true }).catch((cause: Error) => {
    throw new AtalaiaError(
      'ATL_STORE',
      `The data directory ${config.data} cannot be made: ${cause.message}. Give this user the right to write there, or name another data.`,
      { cause },
    );
  });
  const opened: { close(): Promise<void> }[] = [];
  try {
    const log = await openLog(config.log, options);
    opened.push(log);
    const topic = await openTopic(options);
    if (topic) opened.push(topic.log);
    const stores = await openStore(config.store, options);
    opened.push(stores.archive, stores.ledger);
    const identity = identityOf(config.log);
    await bind(stores.ledger, 'log', identity, {
      before: 'embedded',
      message: (before) =>
        `The ledger follows the log ${before}; log of the configuration is ${identity}. Positions fit one log alone: name that log, or give this one another data directory or store.schema.`,
    });
    if (config.store.kind === 'postgresql') await bindShards(stores.ledger, config.store);
    const { common, ...rest } = stores;
    const membership = common && (await membershipOf(config.log, options));
    if (membership) opened.push(membership);
    const shared = common && membership ? { membership, exclusively: common.exclusively } : null;
    const checkpoints = await openCheckpoints(
      identity,
      shared ? common?.checkpoints : undefined,
      stores.ledger,
      options,
    );
    return { log, ...rest, checkpoints, topic, shared };
  } catch (error) {
    for (const store of opened) await store.close().catch(() => undefined);
    throw error;
  }
}

/** A partition's rows lie in the shard that its number gives: with another number of shards they would be there twice. */
async function bindShards(ledger: Ledger, { shards }: PostgresqlConfig): Promise<void> {
  const count = String(shards?.length ?? 0);
  await bind(ledger, 'archive-shards', count, {
    before: '0',
    message: (before) =>
      `store.shards: the archive lies in ${before} shards, the configuration names ${count} (0: in store.url). Their number is fixed for the life of the data: name them all, in their order.`,
  });
}

/**
 * Keeps a fact about the ledger's surroundings in it, and refuses another one. `before`: what holds for a ledger that is
 * older than this check.
 */
async function bind(
  ledger: Ledger,
  key: string,
  value: string,
  { before, message }: { readonly before: string; readonly message: (stored: string) => string },
): Promise<void> {
  const isUsed = (await ledger.positions()).some(({ offset }) => offset > 0);
  const stored = (await ledger.meta(key)) ?? (isUsed ? before : undefined);
  if (stored !== undefined && stored !== value) throw new AtalaiaError('ATL_CONFIG', message(stored));
  if (stored === undefined) await ledger.putMeta(key, value);
}
