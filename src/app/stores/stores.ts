import type { Clock } from '../../lib/clock.ts';
import type { Journal } from '../../lib/journal.ts';
import type { Log } from '../../log/log.ts';
import type { Membership } from '../../log/membership.ts';
import type { Archive } from '../../store/archive/archive.ts';
import type { AccessStore } from '../../store/ledger/access.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { CheckpointStore } from '../checkpoints/checkpoints.ts';
import type { Config } from '../config/schema.ts';

/** What opening needs beside the configuration. */
export interface StoresOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Pick<Journal, 'warn'>;
}

/** Everything durable of a process. */
export interface Stores {
  readonly log: Log;
  readonly ledger: Ledger;
  /** The ledger as people read it: lists may come from a replica. */
  readonly ledgerForPeople: Ledger;
  /** Users, sessions and station keys, in the ledger. */
  readonly access: AccessStore;
  readonly archive: Archive;
  readonly checkpoints: CheckpointStore;
  readonly topic: { readonly log: Log; readonly name: string } | undefined;
  /** How processes share the log; null where this one is alone with it. */
  readonly shared: Shared | null;
}

/** What processes have that share one log, ledger and archive. */
export interface Shared {
  readonly membership: Membership;
  /** Does something while no other process does. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
}
