import { createHash } from 'node:crypto';
import { AtalaiaError } from '../../src/lib/errors.ts';
import { levelNames } from '../../src/model/rule.ts';
import type { Station } from '../../src/model/station.ts';
import type {
  ClaimedDelivery,
  ClaimRequest,
  Delivery,
  DeliveryOutcome,
  Expansion,
  Ledger,
  LedgerBatch,
  Subscription,
} from '../../src/store/ledger/ledger.ts';
import {
  type CapRow,
  checkEpoch,
  commitBatches,
  commitEffects,
  type LedgerMedium,
  type RevisionRow,
  storedOf,
} from './ledger-medium.ts';
import { alertsOf } from './ledger-queries.ts';

const isOpen = ({ state }: Delivery): boolean => state === 'waiting' || state === 'sending';

/** Ledger in memory with the semantics of the port: opened twice on one medium it is one database with two users. */
export class ModelLedger implements Ledger {
  readonly #medium: LedgerMedium;
  readonly #now: () => number;
  #isClosed = false;

  constructor(medium: LedgerMedium, now: () => number = () => 0) {
    this.#medium = medium;
    this.#now = now;
  }

  get #open(): LedgerMedium {
    if (this.#isClosed) throw new AtalaiaError('ATL_STORE', 'The ledger is closed. Open it again.');
    return this.#medium;
  }

  async acquire(partition: number) {
    const held = this.#open.positions.get(partition) ?? { partition, epoch: 0, offset: 0, clockAt: 0 };
    const row = { ...held, epoch: held.epoch + 1 };
    this.#medium.positions.set(partition, row);
    return { epoch: row.epoch, offset: row.offset, clockAt: row.clockAt };
  }
  async commit(batches: readonly LedgerBatch[], what: 'both' | 'effects' = 'both') {
    if (what === 'both') commitBatches(this.#open, batches, this.#now());
    else commitEffects(this.#open, batches, this.#now());
  }
  async sinkPositions(sink: string) {
    const prefix = `position:${sink}:`;
    return [...this.#open.meta]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => ({ partition: Number(key.slice(prefix.length)), offset: Number(value) }))
      .sort((a, b) => a.partition - b.partition);
  }
  async moveSink(sink: string, moves: Parameters<Ledger['moveSink']>[1]) {
    const moved = new Map<string, string>();
    for (const { partition, epoch, from, to } of moves) {
      const key = `position:${sink}:${partition}`;
      checkEpoch(this.#open, partition, epoch);
      if (Number(moved.get(key) ?? this.#medium.meta.get(key) ?? 0) !== from)
        throw new AtalaiaError('ATL_FENCED', `${key} is not at ${from}. Fold on from the stored position.`);
      moved.set(key, String(to));
    }
    for (const [key, value] of moved) this.#medium.meta.set(key, value);
  }
  async positions() {
    return [...this.#open.positions.values()].sort((a, b) => a.partition - b.partition);
  }

  async alerts(filter: Parameters<Ledger['alerts']>[0]) {
    return alertsOf(this.#open, filter);
  }
  async history(alert: string) {
    const rows = this.#open.revisions.filter(({ revision }) => revision.event.alert === alert);
    return rows.sort((a, b) => a.revision.event.revision - b.revision.event.revision).map(storedOf);
  }
  async since(position: string | null, limit: number) {
    const { revisions } = this.#open;
    const index = position === null ? -1 : revisions.findIndex((row) => row.position === position);
    if (position !== null && index < 0) return undefined;
    return revisions.slice(index + 1, index + 1 + limit).map(storedOf);
  }
  async *events() {
    const text = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
    const events = this.#open.revisions.map(({ revision }) => revision.event);
    yield* events.sort(
      (a, b) =>
        a.at - b.at || text(a.rule, b.rule) || text(a.subject.id, b.subject.id) || a.revision - b.revision,
    );
  }

  async putSubscriptions(origin: 'config' | 'api', subscriptions: readonly Subscription[]) {
    const all = this.#open.subscriptions;
    const taken = subscriptions.find(({ id }) => (all.get(id)?.origin ?? origin) !== origin);
    if (taken) throw new AtalaiaError('ATL_CONFLICT', `The subscription id ${taken.id} is taken.`);
    for (const [id, row] of all) if (row.origin === origin) all.delete(id);
    for (const subscription of subscriptions) all.set(subscription.id, { origin, subscription });
  }
  async subscriptions() {
    const all = [...this.#open.subscriptions.values()].map(({ subscription }) => subscription);
    return all.sort((a, b) => (a.id < b.id ? -1 : 1));
  }
  async outbox(limit: number) {
    const rows = [...this.#open.outbox].sort(([a], [b]) => a - b).slice(0, limit);
    return rows.map(([seq, createdAt]) => ({
      revision: storedOf(this.#medium.revisions[seq - 1] as RevisionRow),
      createdAt,
    }));
  }
  async told(alert: string, beforeRevision: number) {
    const earlier = [...this.#open.deliveries.values()].filter(
      (one) => one.alert === alert && one.revision < beforeRevision && one.state !== 'dropped',
    );
    return new Set(earlier.map(({ subscription }) => subscription.id));
  }
  async expand(rows: readonly Expansion[], now: number) {
    for (const { seq, deliveries } of rows) {
      if (!this.#open.outbox.delete(seq)) continue;
      const { alert, revision } = (this.#medium.revisions[seq - 1] as RevisionRow).revision.event;
      for (const { subscription, destination } of deliveries) {
        const key = `${alert}.${revision}.${subscription.id}`;
        if (this.#medium.deliveries.has(key)) continue;
        this.#medium.deliveries.set(key, {
          ...{ key, seq, alert, revision, subscription, destination },
          ...{ state: 'waiting', attempts: 0, nextAttemptAt: now },
        });
      }
    }
  }
  async claim(request: ClaimRequest): Promise<ClaimedDelivery[]> {
    const { now, leaseUntil, limit, claimer } = request;
    const row = ({ seq }: Delivery): RevisionRow => this.#medium.revisions[seq - 1] as RevisionRow;
    const rank = (one: Delivery): number => levelNames.indexOf(row(one).revision.event.level);
    return [...this.#open.deliveries.values()]
      .filter((one) => isOpen(one) && one.nextAttemptAt <= now && this.#isWanted(one, request))
      .sort((a, b) => rank(b) - rank(a) || a.seq - b.seq || (a.key < b.key ? -1 : 1))
      .slice(0, limit)
      .map((one) => {
        const attempts = one.attempts + 1;
        const claimed: Delivery = { ...one, state: 'sending', attempts, nextAttemptAt: leaseUntil };
        this.#medium.deliveries.set(one.key, claimed);
        this.#medium.claimers.set(one.key, claimer);
        return { ...claimed, stored: storedOf(row(one)) };
      });
  }
  #isWanted(one: Delivery, { channel, notTo }: ClaimRequest): boolean {
    const own = one.subscription.channel;
    if (typeof channel === 'string' ? own !== channel : channel.except.includes(own)) return false;
    if (notTo.includes(one.destination)) return false;
    return ![...this.#medium.deliveries.values()].some(
      (other) =>
        other.alert === one.alert &&
        other.subscription.id === one.subscription.id &&
        other.revision < one.revision &&
        isOpen(other),
    );
  }
  async reclaim(claimer: string, now: number) {
    const left = [...this.#open.deliveries.values()].filter(
      ({ key, state }) => state === 'sending' && this.#medium.claimers.get(key) === claimer,
    );
    for (const one of left)
      this.#medium.deliveries.set(one.key, { ...one, state: 'waiting', nextAttemptAt: now });
    return left.length;
  }
  async settle(outcomes: readonly DeliveryOutcome[]) {
    for (const outcome of outcomes) this.#settleOne(outcome);
  }
  #settleOne(outcome: DeliveryOutcome): void {
    const { key } = outcome;
    const one = this.#open.deliveries.get(key);
    if (!one || (outcome.state === 'delivered' ? one.state === 'delivered' : !isOpen(one))) return;
    const nextAttemptAt = outcome.nextAttemptAt ?? outcome.at;
    this.#medium.claimers.delete(key);
    if (outcome.state === 'waiting' && outcome.error === undefined) {
      const attempts = Math.max(one.attempts - 1, 0);
      this.#medium.deliveries.set(key, { ...one, state: 'waiting', nextAttemptAt, attempts });
      return;
    }
    const { lastError: _, deliveredAt: __, ...rest } = one;
    this.#medium.deliveries.set(key, {
      ...rest,
      state: outcome.state,
      nextAttemptAt,
      ...(outcome.error === undefined ? {} : { lastError: outcome.error }),
      ...(outcome.state === 'delivered' ? { deliveredAt: outcome.at } : {}),
    });
  }
  async deliveries({ alert, state, limit }: Parameters<Ledger['deliveries']>[0]) {
    return [...this.#open.deliveries.values()]
      .filter((one) => (alert ?? one.alert) === one.alert && (state ?? one.state) === one.state)
      .sort((a, b) => b.seq - a.seq || (a.key < b.key ? -1 : 1))
      .slice(0, limit);
  }
  async oldestOutboxAt() {
    const [first] = [...this.#open.outbox].sort(([a], [b]) => a - b);
    return first ? first[1] : null;
  }

  async putCap(message: CapRow) {
    const { alert, revision } = message;
    if (!this.#open.caps.some((one) => one.alert === alert && one.revision === revision))
      this.#medium.caps.push(message);
  }
  async cap(alert: string, revision?: number) {
    const [found] = this.#open.caps
      .filter((one) => one.alert === alert && (revision ?? one.revision) === one.revision)
      .sort((a, b) => b.revision - a.revision);
    if (!found) return undefined;
    const { identifier, sentText, xml } = found;
    return { revision: found.revision, identifier, sentText, xml };
  }
  async capFeed(limit: number) {
    return [...this.#open.caps]
      .reverse()
      .sort((a, b) => b.createdAt - a.createdAt)
      .slice(0, limit);
  }

  async skip(entry: Parameters<Ledger['skip']>[0]) {
    const key = `${entry.partition}/${entry.offset}`;
    if (!this.#open.skips.has(key)) this.#medium.skips.set(key, entry);
  }
  async skips() {
    return [...this.#open.skips.values()].sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  }
  async putCommand({ id, json }: Parameters<Ledger['putCommand']>[0]) {
    if (!this.#open.commands.has(id)) this.#medium.commands.set(id, { json, isRelayed: false });
  }
  async pendingCommands() {
    return [...this.#open.commands]
      .filter(([, row]) => !row.isRelayed)
      .map(([id, { json }]) => ({ id, json }));
  }
  async commandRelayed(id: string) {
    const row = this.#open.commands.get(id);
    if (row) row.isRelayed = true;
  }
  async putDocument(bytes: Uint8Array) {
    const hash = createHash('sha256').update(bytes).digest('hex');
    if (!this.#open.documents.has(hash)) this.#medium.documents.set(hash, bytes.slice());
    return hash;
  }
  async document(hash: string) {
    return this.#open.documents.get(hash);
  }
  async hold({ kind, station, payload, reason, at }: Parameters<Ledger['hold']>[0]) {
    const medium = this.#open;
    medium.held.push({ id: medium.nextHeld++, kind, station: station ?? null, payload, reason, at });
  }
  async held({ kind, station, limit }: Parameters<Ledger['held']>[0]) {
    return this.#open.held
      .filter((row) => (kind ?? row.kind) === row.kind && (station ?? row.station) === row.station)
      .slice(0, limit);
  }
  async release(ids: readonly number[]) {
    const medium = this.#open;
    medium.held = medium.held.filter(({ id }) => !ids.includes(id));
  }
  async stations() {
    return [...this.#open.stations.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }
  async putStations(stations: readonly Station[]) {
    for (const station of stations) this.#open.stations.set(station.id, station);
  }
  async meta(key: string) {
    return this.#open.meta.get(key);
  }
  async putMeta(key: string, value: string) {
    this.#open.meta.set(key, value);
  }
  async close() {
    this.#isClosed = true;
  }
}
