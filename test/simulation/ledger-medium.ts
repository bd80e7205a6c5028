import { AtalaiaError } from '../../src/lib/errors.ts';
import type { ActOutcome } from '../../src/model/act.ts';
import type { AlertRevision } from '../../src/model/alert.ts';
import type { Feedback, ObservedEvent } from '../../src/model/observed-event.ts';
import type { Silence } from '../../src/model/silence.ts';
import type { Station } from '../../src/model/station.ts';
import {
  type AuditEntry,
  type AuditNote,
  actNote,
  chain,
  NO_HASH,
  timeoutNote,
} from '../../src/store/ledger/audit.ts';
import type { Delivery } from '../../src/store/ledger/delivery.ts';
import type { ForeignHeld } from '../../src/store/ledger/foreign.ts';
import type { Handover } from '../../src/store/ledger/handover.ts';
import type { Ledger, LedgerBatch } from '../../src/store/ledger/ledger.ts';
import type { AlertState, StoredRevision } from '../../src/store/ledger/stored-revision.ts';
import type { Consent, SubscriberRequest } from '../../src/store/ledger/subscribers.ts';
import type { Subscription } from '../../src/store/ledger/subscription.ts';

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
  /** Lower deliveries that leave in the place of a red, whose seq it is: it waits behind them. */
  readonly lifted = new Map<string, number>();
  readonly subscriptions = new Map<
    string,
    { readonly origin: string; readonly subscription: Subscription }
  >();
  readonly silences = new Map<string, Silence>();
  readonly stations = new Map<string, Station>();
  readonly documents = new Map<string, Uint8Array>();
  readonly commands = new Map<string, { readonly json: string; isRelayed: boolean }>();
  readonly acts = new Map<string, ActOutcome>();
  readonly audit: AuditEntry[] = [];
  readonly observed = new Map<string, ObservedEvent>();
  readonly feedback: Feedback[] = [];
  readonly handovers: Handover[] = [];
  readonly foreignAlerts: ForeignHeld['alerts'] = new Map();
  readonly foreignEnds: ForeignHeld['ends'] = new Map();
  readonly requests = new Map<string, SubscriberRequest>();
  readonly consents: Consent[] = [];
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
    const note = timeoutNote(revision);
    if (note) addAudit(medium, [note]);
  }
  if (rows.length > 0) medium.onTold();
}

function addActs(medium: LedgerMedium, batches: readonly LedgerBatch[]): void {
  for (const { outcome } of batches.flatMap(({ acts = [] }) => acts))
    if (!medium.acts.has(outcome.command)) {
      medium.acts.set(outcome.command, outcome);
      addAudit(medium, [actNote(outcome)]);
    }
}

export function addAudit(medium: LedgerMedium, notes: readonly AuditNote[]): void {
  medium.audit.push(...chain(notes, medium.audit.at(-1) ?? { number: 0, hash: NO_HASH }));
}

const keyOf = ({ event }: AlertRevision): string => `${event.alert}.${event.revision}`;

/** Effects alone: fenced by the epoch; what is there already stays and is counted. */
export function commitEffects(medium: LedgerMedium, batches: readonly LedgerBatch[], now: number): void {
  for (const { partition, epoch } of batches) checkEpoch(medium, partition, epoch);
  addActs(medium, batches);
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
  addActs(medium, batches);
  for (const [batch, before] of told) medium.onCommit(batch, before);
  addRevisions(medium, rows, now);
}
