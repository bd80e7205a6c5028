import { createHash } from 'node:crypto';
import { AtalaiaError } from '../../src/lib/errors.ts';
import { levelNames } from '../../src/model/rule.ts';
import type { Station } from '../../src/model/station.ts';
import { capPlace } from '../../src/store/ledger/cap-place.ts';
import type { DeliveryFilter } from '../../src/store/ledger/dead-letters.ts';
import type { Delivery } from '../../src/store/ledger/delivery.ts';
import type {
  CapFilter,
  ClaimedDelivery,
  ClaimRequest,
  DeliveryOutcome,
  Expansion,
  Ledger,
  LedgerBatch,
} from '../../src/store/ledger/ledger.ts';
import { isSelf } from '../../src/store/ledger/subscribers.ts';
import { recipientOf, type Subscription } from '../../src/store/ledger/subscription.ts';
import { deliveriesOf, recordOf, replayed } from './dead-letter-model.ts';
import {
  addAudit,
  type CapRow,
  checkEpoch,
  commitBatches,
  commitEffects,
  type LedgerMedium,
  type RevisionRow,
  storedOf,
} from './ledger-medium.ts';
import { alertsOf, draftsOf } from './ledger-queries.ts';
import { SubscriberModel } from './subscriber-model.ts';

const isOpen = ({ state }: Delivery): boolean => state === 'waiting' || state === 'sending';

const isAllowed = (one: Delivery, isRed: boolean, { onlyRed, paused }: ClaimRequest): boolean =>
  isRed
    ? !paused?.red.includes(one.subscription.id)
    : !onlyRed && !paused?.lower.includes(one.subscription.id);

/** Ledger in memory with the semantics of the port: opened twice on one medium it is one database with two users. */
export class ModelLedger extends SubscriberModel implements Ledger {
  readonly #medium: LedgerMedium;
  readonly #now: () => number;
  #isClosed = false;

  constructor(medium: LedgerMedium, now: () => number = () => 0) {
    super();
    this.#medium = medium;
    this.#now = now;
  }

  get #open(): LedgerMedium {
    if (this.#isClosed) throw new AtalaiaError('ATL_STORE', 'The ledger is closed. Open it again.');
    return this.#medium;
  }

  protected medium(): LedgerMedium {
    return this.#open;
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
  async record(notes: Parameters<Ledger['record']>[0]) {
    addAudit(this.#open, notes);
  }
  async audit({ after, before = Number.POSITIVE_INFINITY, limit }: Parameters<Ledger['audit']>[0]) {
    const { audit } = this.#open;
    const found =
      after === undefined
        ? audit.filter(({ number }) => number < before).toReversed()
        : audit.filter(({ number }) => number > after);
    return found.slice(0, limit);
  }
  async drafts(limit: number) {
    return draftsOf(this.#open).slice(0, limit).map(storedOf);
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
      for (const { subscription, destination, notBefore, bunch, withheld } of deliveries) {
        const key = `${alert}.${revision}.${subscription.id}`;
        if (this.#medium.deliveries.has(key)) continue;
        if (isSelf(subscription.id) && !this.#medium.subscriptions.has(subscription.id)) continue;
        this.#medium.deliveries.set(key, {
          ...{ key, seq, alert, revision, subscription: recipientOf(subscription), destination },
          ...{ state: 'waiting', attempts: 0, nextAttemptAt: notBefore ?? now },
          ...(bunch === undefined ? {} : { bunch }),
          ...(withheld && { withheld: withheld.cause, lastError: withheld.reason }),
          ...(withheld && { state: 'dropped', nextAttemptAt: withheld.until }),
        });
      }
    }
  }
  async claim(request: ClaimRequest): Promise<ClaimedDelivery[]> {
    const { now, leaseUntil, limit, claimer } = request;
    const row = ({ seq }: Delivery): RevisionRow => this.#medium.revisions[seq - 1] as RevisionRow;
    const rank = (one: Delivery): number =>
      this.#medium.lifted.has(one.key) ? 2 : levelNames.indexOf(row(one).revision.event.level);
    const place = ({ key, seq }: Delivery): number => this.#medium.lifted.get(key) ?? seq;
    return [...this.#open.deliveries.values()]
      .filter((one) => isOpen(one) && one.nextAttemptAt <= now && this.#isWanted(one, request))
      .filter((one) => one.leader === undefined && isAllowed(one, rank(one) === 2, request))
      .sort((a, b) => rank(b) - rank(a) || place(a) - place(b) || (a.key < b.key ? -1 : 1))
      .slice(0, limit)
      .map((one) => {
        const attempts = one.attempts + 1;
        const claimed: Delivery = { ...one, state: 'sending', attempts, nextAttemptAt: leaseUntil };
        this.#medium.deliveries.set(one.key, claimed);
        this.#medium.claimers.set(one.key, claimer);
        return { ...claimed, stored: storedOf(row(one)), isUrgent: rank(one) === 2 };
      });
  }
  #isWanted(one: Delivery, { channel, notTo }: ClaimRequest): boolean {
    const own = one.subscription.channel;
    if (typeof channel === 'string' ? own !== channel : channel.except.includes(own)) return false;
    if (notTo.includes(one.destination)) return false;
    return !this.earlierIsOpen(one);
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
      if (attempts === 0) this.#dissolve(key, nextAttemptAt);
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
    if (outcome.state === 'waiting') return;
    for (const other of this.#medium.deliveries.values())
      if (other.leader === key && other.state === 'waiting') this.#settleOne({ ...outcome, key: other.key });
  }
  #dissolve(message: string, nextAttemptAt: number): void {
    for (const { leader, ...one } of this.#medium.deliveries.values())
      if (leader === message && one.state === 'waiting')
        this.#medium.deliveries.set(one.key, { ...one, nextAttemptAt });
  }
  async deliveries(filter: DeliveryFilter) {
    return deliveriesOf(this.#open.deliveries.values(), filter);
  }
  async channelRecord(channel: string, since: number) {
    return recordOf([...this.#open.deliveries.values()], channel, since);
  }
  async replay(keys: readonly string[], now: number) {
    return replayed(this.#open.deliveries, keys, now);
  }
  async deliveryCount(alert: string) {
    return [...this.#open.deliveries.values()].filter((one) => one.alert === alert).length;
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
  async capFeed(limit: number, { hazard, area, before }: CapFilter = {}) {
    const [createdAt, number] = capPlace(before);
    const isWanted = ({ alert }: CapRow): boolean => {
      if (hazard === undefined && area === undefined) return true;
      const filter = {
        ...(hazard === undefined ? {} : { hazard }),
        ...(area === undefined ? {} : { area }),
        limit: 1000,
      };
      return alertsOf(this.#open, filter).items.some(({ revision }) => revision.event.alert === alert);
    };
    return this.#open.caps
      .map((row, index) => ({ ...row, index, place: `${row.createdAt}.${index}` }))
      .filter(
        (row) =>
          createdAt === null ||
          row.createdAt < createdAt ||
          (row.createdAt === createdAt && row.index < (number ?? 0)),
      )
      .filter(isWanted)
      .sort((a, b) => b.createdAt - a.createdAt || b.index - a.index)
      .slice(0, limit)
      .map(({ index: _index, ...row }) => row);
  }

  async capPlaces(limit: number, filter?: CapFilter) {
    return (await this.capFeed(limit, filter)).map(({ place }) => place);
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
  async command(id: string) {
    return this.#open.commands.get(id);
  }
  async act(command: string) {
    return this.#open.acts.get(command);
  }
  async acknowledged(alerts: readonly string[]) {
    const seen = [...this.#open.acts.values()].filter(
      (one) => one.act === 'acknowledge' && one.refused === undefined && alerts.includes(one.alert),
    );
    const newest = new Map(seen.map((one) => [one.alert, one]));
    return [...newest.values()].sort((a, b) => (a.alert < b.alert ? -1 : 1));
  }
  async openCounts() {
    const count = (level: 'yellow' | 'orange' | 'red') =>
      alertsOf(this.#open, { state: 'open', level, limit: Number.MAX_SAFE_INTEGER }).items.length;
    return {
      alerts: { yellow: count('yellow'), orange: count('orange'), red: count('red') },
      dead: [...this.#open.deliveries.values()].filter(({ state }) => state === 'dead').length,
      stations: (await this.heldStations(Number.MAX_SAFE_INTEGER)).length,
    };
  }
  async acts(alert: string) {
    return [...this.#open.acts.values()].filter((one) => one.alert === alert && one.refused === undefined);
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
  async hold(
    { kind, station, payload, reason, at }: Parameters<Ledger['hold']>[0],
    atMost?: Parameters<Ledger['hold']>[1],
  ) {
    const medium = this.#open;
    if (kind === 'unknown-station' && atMost) {
      const rows = medium.held.filter((row) => row.kind === kind);
      const own = rows.filter((row) => row.station === station).length;
      const others = new Set(rows.map((row) => row.station)).size;
      if (own === 0 ? others >= atMost.stations : own >= atMost.reports) return false;
    }
    medium.held.push({ id: medium.nextHeld++, kind, station: station ?? null, payload, reason, at });
    return true;
  }
  async heldStations(limit: number) {
    const rows = this.#open.held.filter(({ kind }) => kind === 'unknown-station');
    const newest = new Map(rows.map((row) => [row.station ?? '', row]));
    return [...newest.values()]
      .sort((a, b) => b.id - a.id)
      .slice(0, limit)
      .map(({ station, payload, at: lastAt }) => {
        const own = rows.filter((row) => row.station === station);
        const firstAt = Math.min(...own.map(({ at }) => at));
        return { station: station ?? '', reports: own.length, firstAt, lastAt, payload };
      });
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
