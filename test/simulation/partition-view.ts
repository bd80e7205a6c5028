import type { Log } from '../../src/log/log.ts';
import type { Archive } from '../../src/store/archive/archive.ts';
import type { Ledger } from '../../src/store/ledger/ledger.ts';
import type { Checkpoints } from './checkpoint-model.ts';

export interface ProcessorPorts {
  readonly log: Log;
  readonly ledger: Ledger;
  readonly archive: Archive;
  readonly checkpoints: Checkpoints;
}

/** A port with some methods replaced; the rest goes to the port itself. */
export function overlaid<T extends object>(port: T, methods: Partial<T>): T {
  return new Proxy(port, {
    get: (target, key) => Reflect.get(key in methods ? methods : target, key),
  });
}

/**
 * The ports as seen by a processor that folds some partitions only: it counts its own from 0, and takes all that it sees.
 */
export function viewOf(owned: readonly number[], ports: ProcessorPorts): ProcessorPorts {
  const { log, ledger, archive, checkpoints } = ports;
  const local = new Map(owned.map((partition, index) => [partition, index]));
  const outward = (index: number): number => owned[index] as number;
  const mine = <T extends { readonly partition: number }>(rows: readonly T[]): T[] =>
    rows.flatMap((row) => {
      const partition = local.get(row.partition);
      return partition === undefined ? [] : [{ ...row, partition }];
    });
  const theirs = <T extends { readonly partition: number }>(rows: readonly T[]): T[] =>
    rows.map((row) => ({ ...row, partition: outward(row.partition) }));
  return {
    log: {
      ...log,
      partitions: owned.length,
      read: async (partition, offset, limit, waitMs) =>
        mine(await log.read(outward(partition), offset, limit, waitMs)),
      bounds: (partition) => log.bounds(outward(partition)),
      commit: (group, partition, offset) => log.commit(group, outward(partition), offset),
      trim: (oldest) => {
        const all = new Array<number>(log.partitions).fill(0);
        oldest.forEach((offset, index) => {
          all[outward(index)] = offset;
        });
        return log.trim(all);
      },
    },
    ledger: overlaid(ledger, {
      acquire: (partition) => ledger.acquire(outward(partition)),
      commit: (batches, ...rest) => ledger.commit(theirs(batches), ...rest),
      positions: async () => mine(await ledger.positions()),
      skip: (entry) => ledger.skip({ ...entry, partition: outward(entry.partition) }),
      skips: async () => mine(await ledger.skips()),
    }),
    archive: overlaid(archive, {
      commit: (batches, ...rest) => archive.commit(theirs(batches), ...rest),
      positions: async () => mine(await archive.positions()),
      durablePositions: async () => mine(await archive.durablePositions()),
    }),
    checkpoints: {
      newest: async (partition, offset) => {
        const found = await checkpoints.newest(outward(partition), offset);
        return found && { ...found, partition };
      },
      write: (checkpoint) => checkpoints.write({ ...checkpoint, partition: outward(checkpoint.partition) }),
      thin: (partition, ...rest) => checkpoints.thin(outward(partition), ...rest),
      prune: (partition, ...rest) => checkpoints.prune(outward(partition), ...rest),
    },
  };
}
