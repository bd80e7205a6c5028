import { type Level, levelNames } from '../../src/model/rule.ts';
import type { Silence } from '../../src/model/silence.ts';
import type { Delivery } from '../../src/store/ledger/delivery.ts';
import type { PutOff, Verdict, WithholdingStore } from '../../src/store/ledger/withholding.ts';
import { type LedgerMedium, type RevisionRow, storedOf } from './ledger-medium.ts';

const isOpen = ({ state }: Delivery): boolean => state === 'waiting' || state === 'sending';

/** The part of the model that holds back, groups and supersedes. */
export abstract class WithholdingModel implements WithholdingStore {
  protected abstract medium(): LedgerMedium;

  #row({ seq }: Delivery): RevisionRow {
    return this.medium().revisions[seq - 1] as RevisionRow;
  }
  #rank(one: Delivery): number {
    return levelNames.indexOf(this.#row(one).revision.event.level);
  }
  #sorted(): Delivery[] {
    return [...this.medium().deliveries.values()].sort(
      (a, b) => this.#rank(b) - this.#rank(a) || a.seq - b.seq || (a.key < b.key ? -1 : 1),
    );
  }
  #newest(alert: string): RevisionRow | undefined {
    return this.medium().revisions.findLast(({ revision }) => revision.event.alert === alert);
  }
  #leads(key: string): boolean {
    return [...this.medium().deliveries.values()].some(({ leader }) => leader === key);
  }

  async silences(endsAfter: number) {
    const all = [...this.medium().silences.values()].filter(({ until }) => until > endsAfter);
    return all.sort((a, b) => a.until - b.until || (a.id < b.id ? -1 : 1)).slice(0, 1000);
  }
  async silence(id: string) {
    return this.medium().silences.get(id);
  }
  async putSilence(silence: Silence, now: number) {
    const { silences, deliveries } = this.medium();
    silences.set(silence.id, silence);
    for (const [key, one] of deliveries)
      if (one.withheld !== undefined) deliveries.set(key, { ...one, nextAttemptAt: now });
  }
  async takeWithheld(now: number, limit: number, leaseUntil: number) {
    const { deliveries } = this.medium();
    const due = this.#sorted()
      .filter((one) => one.withheld !== undefined && one.nextAttemptAt <= now)
      .sort((a, b) => a.nextAttemptAt - b.nextAttemptAt)
      .slice(0, limit);
    return due.map((one) => {
      deliveries.set(one.key, { ...one, nextAttemptAt: leaseUntil });
      return { ...one, stored: storedOf(this.#row(one)), isStanding: this.#stands(one) };
    });
  }
  #stands(one: Delivery): boolean {
    const newest = this.#newest(one.alert);
    return newest?.seq === one.seq && newest.state !== 'ended';
  }
  async review(verdicts: readonly Verdict[], leaseUntil: number, now: number) {
    const { deliveries } = this.medium();
    for (const { key, verdict, notBefore, bunch } of verdicts) {
      const one = deliveries.get(key);
      if (one?.withheld === undefined || one.nextAttemptAt !== leaseUntil) continue;
      const { withheld: _, lastError, ...rest } = one;
      const told = lastError === undefined ? {} : { lastError };
      const grouped = bunch === undefined ? {} : { bunch };
      if (verdict === 'send' && this.#stands(one))
        deliveries.set(key, { ...rest, ...grouped, state: 'waiting', nextAttemptAt: notBefore ?? now });
      else if (typeof verdict === 'string') deliveries.set(key, { ...rest, ...told });
      else {
        const { cause, reason, until } = verdict;
        deliveries.set(key, { ...rest, withheld: cause, lastError: reason, nextAttemptAt: until });
      }
    }
  }
  async standing(subjects: readonly string[]) {
    const alerts = new Set(this.medium().revisions.map(({ revision }) => revision.event.alert));
    return [...alerts]
      .map((alert) => this.#newest(alert) as RevisionRow)
      .filter(({ state, revision }) => state !== 'ended' && subjects.includes(revision.event.subject.id))
      .sort((a, b) => a.seq - b.seq)
      .slice(0, 1000)
      .map(storedOf);
  }
  async gather(leader: string, claimed: readonly string[], limit: number, now: number) {
    const { deliveries, claimers } = this.medium();
    const first = deliveries.get(leader);
    const chosen = this.#sorted().filter((one) => first && this.#mayJoin(one, first, claimed));
    for (const one of chosen.slice(0, limit)) {
      claimers.delete(one.key);
      deliveries.set(one.key, { ...one, leader, state: 'waiting', attempts: 0 });
    }
    for (const key of claimed) {
      const one = deliveries.get(key);
      if (one?.state !== 'sending' || one.leader !== undefined) continue;
      claimers.delete(key);
      const attempts = Math.max(one.attempts - 1, 0);
      deliveries.set(key, { ...one, state: 'waiting', attempts, nextAttemptAt: now });
    }
  }
  #mayJoin(one: Delivery, leader: Delivery, claimed: readonly string[]): boolean {
    if (one.key === leader.key || one.leader !== undefined || this.#leads(one.key)) return false;
    if (one.subscription.id !== leader.subscription.id || one.bunch === undefined) return false;
    if (one.bunch !== leader.bunch) return false;
    const isFree =
      (one.state === 'waiting' && one.attempts === 0) ||
      (one.state === 'sending' && one.attempts === 1 && claimed.includes(one.key));
    return isFree && !this.earlierIsOpen(one);
  }
  /** An earlier revision of the alert is still to reach the subscriber. */
  protected earlierIsOpen(one: Delivery): boolean {
    return [...this.medium().deliveries.values()].some(
      (other) =>
        other.alert === one.alert &&
        other.subscription.id === one.subscription.id &&
        other.revision < one.revision &&
        isOpen(other),
    );
  }
  async companions(leader: string) {
    return this.#sorted()
      .filter((one) => one.key === leader || one.leader === leader)
      .map((one) => storedOf(this.#row(one)));
  }
  async heard(alerts: readonly string[], among?: readonly string[]) {
    const found = new Map<string, { alert: string; subscription: string; level: Level; since?: number }>();
    // The highest come first.
    for (const one of this.#sorted()) {
      const { alert, state, subscription, deliveredAt } = one;
      const key = `${alert} ${subscription.id}`;
      if (!alerts.includes(alert) || state === 'dead' || state === 'dropped') continue;
      if (among && !among.includes(subscription.id)) continue;
      const { level } = this.#row(one).revision.event;
      const row = found.get(key) ?? { alert, subscription: subscription.id, level };
      if (deliveredAt !== undefined) row.since = Math.min(deliveredAt, row.since ?? deliveredAt);
      found.set(key, row);
    }
    return [...found.values()];
  }
  async makeWay(now: number, { held, onlyRed, paused }: PutOff) {
    const { deliveries, lifted } = this.medium();
    const all = [...deliveries.values()];
    const reds = all.filter((one) => this.#rank(one) === 2 && one.state === 'waiting');
    const redAfter = (one: Delivery): Delivery | undefined =>
      reds
        .filter(
          (red) =>
            red.alert === one.alert &&
            red.subscription.id === one.subscription.id &&
            red.revision > one.revision,
        )
        .sort((a, b) => a.seq - b.seq)[0];
    const isIdle = ({ state, nextAttemptAt }: Delivery): boolean =>
      state === 'waiting' || (state === 'sending' && nextAttemptAt <= now);
    const before = all.filter((one) => isIdle(one) && this.#rank(one) < 2 && redAfter(one));
    const isPutOff = (one: Delivery): boolean =>
      held ||
      (one.attempts === 0 && (one.nextAttemptAt > now || onlyRed || paused.includes(one.subscription.id)));
    const dropped = before.filter(
      (one) => one.leader === undefined && !this.#leads(one.key) && isPutOff(one),
    );
    for (const one of dropped)
      deliveries.set(one.key, { ...one, state: 'dropped', lastError: 'superseded by a red revision' });
    for (const one of before) {
      const message = deliveries.get(one.leader ?? one.key);
      if (!message || !isOpen(message) || this.#rank(message) === 2 || lifted.has(message.key)) continue;
      const places = before
        .filter(({ key, leader }) => (leader ?? key) === message.key)
        .map((other) => redAfter(other)?.seq ?? 0);
      lifted.set(message.key, Math.min(...places));
      if (message.state === 'waiting')
        deliveries.set(message.key, { ...message, nextAttemptAt: Math.min(message.nextAttemptAt, now) });
    }
    return dropped.length;
  }
}
