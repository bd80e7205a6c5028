import { AtalaiaError } from '../../src/lib/errors.ts';
import type { AlertRevision } from '../../src/model/alert.ts';
import type { Station } from '../../src/model/station.ts';
import type {
  AlertState,
  Delivery,
  Ledger,
  LedgerBatch,
  StoredRevision,
  Subscription,
} from '../../src/store/ledger/ledger.ts';

export interface RevisionRow {
  readonly seq: number;
  readonly position: string;
  readonly state: AlertState;
  readonly json: string;
  readonly revision: AlertRevision;
}
export interface PositionRow {
  readonly partition: number;
  readonly epoch: number;
  readonly offset: number;
  readonly clockAt: number;
}
type HeldRow = Awaited<ReturnType<Ledger['held']>>[number];
export type CapRow = Parameters<Ledger['putCap']>[0];

/** What a ledger holds on its medium: every change below is one transaction, whole and durable when it returns. */
export class LedgerMedium {
  readonly positions = new Map<number, PositionRow>();
  readonly revisions: RevisionRow[] = [];
  readonly revisionKeys = new Set<string>();
  readonly outbox = new Map<number, number>();
  readonly deliveries = new Map<string, Delivery>();
  /** Who is sending a delivery, by its key. */
  readonly claimers = new Map<string, string>();
  readonly subscriptions = new Map<
    string,
    { readonly origin: string; readonly subscription: Subscription }
  >();
  readonly stations = new Map<string, Station>();
  readonly documents = new Map<string, Uint8Array>();
  readonly commands = new Map<string, { readonly json: string; isRelayed: boolean }>();
  readonly skips = new Map<string, Awaited<ReturnType<Ledger['skips']>>[number]>();
  readonly meta = new Map<string, string>();
  readonly caps: CapRow[] = [];
  held: HeldRow[] = [];
  nextHeld = 1;
  /** Hears of every batch that was committed, with the position before it. */
  onCommit: (batch: LedgerBatch, before: PositionRow) => void = () => {};
  /** Hears that revisions were committed. */
  onTold: () => void = () => {};
  /** A planted fault: neither epoch nor position is asked for. */
  isUnfenced = false;
}

const stateOf = (revision: AlertRevision): AlertState =>
  revision.event.event === 'ended' ? 'ended' : revision.unverified ? 'unverified' : 'active';

export const storedOf = ({ seq, position, state, json }: RevisionRow): StoredRevision => ({
  seq,
  position,
  state,
  revision: JSON.parse(json) as AlertRevision,
});

/** Throws ATL_FENCED unless the partition is held under this epoch. */
export function checkEpoch(medium: LedgerMedium, partition: number, epoch: number): void {
  const held = medium.positions.get(partition);
  if (held && (medium.isUnfenced || held.epoch === epoch)) return;
  throw new AtalaiaError('ATL_FENCED', `Partition ${partition}: a write of epoch ${epoch} was refused.`);
}

function addRevisions(
  medium: LedgerMedium,
  rows: readonly { readonly position: string; readonly revision: AlertRevision }[],
  now: number,
): void {
  for (const { position, revision } of rows) {
    const seq = medium.revisions.length + 1;
    const json = JSON.stringify(revision);
    medium.revisions.push({ seq, position, state: stateOf(revision), json, revision });
    medium.revisionKeys.add(keyOf(revision));
    medium.outbox.set(seq, now);
  }
  if (rows.length > 0) medium.onTold();
}

const keyOf = ({ event }: AlertRevision): string => `${event.alert}.${event.revision}`;

/** Effects alone: fenced by the epoch; what is there already stays and is counted. */
export function commitEffects(medium: LedgerMedium, batches: readonly LedgerBatch[], now: number): void {
  for (const { partition, epoch } of batches) checkEpoch(medium, partition, epoch);
  for (const { partition, revisions } of batches) {
    const fresh = revisions.filter(({ revision }) => !medium.revisionKeys.has(keyOf(revision)));
    const repeats = Number(medium.meta.get('repeats') ?? 0) + revisions.length - fresh.length;
    if (fresh.length < revisions.length) medium.meta.set('repeats', String(repeats));
    const rows = fresh.map(({ offset, index, revision }) => ({
      position: `${partition}:${offset}:${index}`,
      revision,
    }));
    addRevisions(medium, rows, now);
  }
}

function checkFence(medium: LedgerMedium, batch: LedgerBatch, held: PositionRow | undefined): PositionRow {
  if (held && (medium.isUnfenced || (held.epoch === batch.epoch && held.offset === batch.from))) return held;
  throw new AtalaiaError(
    'ATL_FENCED',
    `Partition ${batch.partition}: commit of epoch ${batch.epoch} from ${batch.from} refused; the ledger is at ${held ? `epoch ${held.epoch}, offset ${held.offset}` : 'nothing'}.`,
  );
}

/** Decides on the whole commit before it changes anything. */
export function commitBatches(medium: LedgerMedium, batches: readonly LedgerBatch[], now: number): void {
  const positions = new Map<number, PositionRow>();
  const rows: { position: string; revision: AlertRevision }[] = [];
  const keys = new Set<string>();
  const told: [LedgerBatch, PositionRow][] = [];
  for (const batch of batches) {
    const { partition, epoch, to, clockAt } = batch;
    const before = checkFence(medium, batch, positions.get(partition) ?? medium.positions.get(partition));
    told.push([batch, before]);
    positions.set(partition, { partition, epoch: Math.max(epoch, before.epoch), offset: to, clockAt });
    for (const { offset, index, revision } of batch.revisions) {
      const key = keyOf(revision);
      if (!medium.isUnfenced && (keys.has(key) || medium.revisionKeys.has(key)))
        throw new AtalaiaError('ATL_STORE', `Revision ${key} is in the ledger already.`);
      keys.add(key);
      rows.push({ position: `${partition}:${offset}:${index}`, revision });
    }
  }
  for (const [partition, row] of positions) medium.positions.set(partition, row);
  for (const [batch, before] of told) medium.onCommit(batch, before);
  addRevisions(medium, rows, now);
}
