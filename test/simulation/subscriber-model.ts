import type { Delivery } from '../../src/store/ledger/delivery.ts';
import {
  destinationsOf,
  ERASED,
  isSelf,
  MOST_TOLD,
  type Person,
  type Personal,
  type SubscriberRequest,
  type SubscriberStore,
  subscriptionOf,
} from '../../src/store/ledger/subscribers.ts';
import type { Subscription } from '../../src/store/ledger/subscription.ts';
import { ForeignModel } from './foreign-model.ts';
import type { LedgerMedium } from './ledger-medium.ts';

/** The part of the model that keeps people who subscribe themselves. */
export abstract class SubscriberModel extends ForeignModel implements SubscriberStore {
  protected abstract override medium(): LedgerMedium;

  async keepRequest(request: SubscriberRequest, atMost: Parameters<SubscriberStore['keepRequest']>[1]) {
    const { requests } = this.medium();
    for (const [hash, { endsAt }] of requests) if (endsAt <= request.createdAt) requests.delete(hash);
    if (requests.size >= atMost.all) return 'full' as const;
    const own = [...requests.values()].filter(
      ({ address, kind }) => address === request.address && kind === request.kind,
    );
    if (own.length >= atMost.perAddress) return 'enough' as const;
    requests.set(request.hash, request);
    return 'kept' as const;
  }
  async request(hash: string, kind: SubscriberRequest['kind'], now: number) {
    const found = this.medium().requests.get(hash);
    return found?.kind === kind && found.endsAt > now ? found : undefined;
  }
  async confirm(
    hash: string,
    { id: fresh, version, purpose, now }: Parameters<SubscriberStore['confirm']>[1],
    atMost: number,
  ) {
    const request = await this.request(hash, 'confirm', now);
    if (!request) return undefined;
    const { consents, subscriptions, requests } = this.medium();
    const { channel, address } = request;
    const known = consents.find(
      (one) => one.address === address && one.channel === channel && one.endedAt === null,
    );
    const own = [...subscriptions.values()].filter(({ origin }) => origin === 'self').length;
    if (!known && own >= atMost) return 'full' as const;
    const subscription = subscriptionOf(known?.id ?? fresh, request);
    const { id } = subscription;
    requests.delete(hash);
    this.#endConsents(id, now);
    consents.push({ id, channel, address, version, purpose, givenAt: now, endedAt: null });
    subscriptions.set(id, { origin: 'self', subscription });
    return subscription;
  }
  async endSubscriber(id: string, now: number) {
    const { subscriptions } = this.medium();
    if (subscriptions.get(id)?.origin !== 'self') return false;
    subscriptions.delete(id);
    this.#endConsents(id, now);
    this.#drop(({ subscription }) => subscription.id === id);
    return true;
  }
  async personal(person: Person): Promise<Personal> {
    const { consents, requests } = this.medium();
    return {
      subscriptions: this.#kept(person),
      consents: consents.filter(({ address }) => address === person.address),
      requests: [...requests.values()]
        .filter(({ address }) => address === person.address)
        .map(({ hash: _, ...rest }) => rest),
      deliveries: this.#told(person)
        .sort((a, b) => b.seq - a.seq || (a.key < b.key ? -1 : 1))
        .slice(0, MOST_TOLD),
    };
  }
  async erase(person: Person, now: number) {
    const { consents, requests, subscriptions, deliveries } = this.medium();
    const kept = this.#kept(person);
    const ended = kept.filter(({ origin }) => origin === 'self' || (person.office && origin === 'api'));
    const told = this.#told(person).filter(
      ({ subscription: { id } }) =>
        !kept.some((one) => one.id === id && !ended.includes(one)) && (person.office || isSelf(id)),
    );
    for (const { id } of ended) subscriptions.delete(id);
    const keys = new Set(told.map(({ key }) => key));
    this.#drop(({ key }) => keys.has(key));
    for (const key of keys) {
      const one = deliveries.get(key) as Delivery;
      const subscription = { ...one.subscription, address: ERASED };
      const hidden = one.lastError?.toLowerCase().includes(person.address) ? { lastError: ERASED } : {};
      const destination = `${subscription.channel} ${ERASED}`;
      deliveries.set(key, { ...one, subscription, destination, ...hidden });
    }
    let erased = 0;
    for (const [index, one] of consents.entries())
      if (one.address === person.address) {
        consents[index] = { ...one, address: null, id: ERASED, endedAt: one.endedAt ?? now };
        erased++;
      }
    const waiting = [...requests.values()].filter(({ address }) => address === person.address);
    for (const { hash } of waiting) requests.delete(hash);
    return {
      subscriptions: ended.length,
      consents: erased,
      requests: waiting.length,
      deliveries: keys.size,
      left: kept.length - ended.length,
    };
  }
  async pruneSubscribers(now: number, consentsBefore: number) {
    const medium = this.medium();
    const over = [...medium.requests.values()].filter(({ endsAt }) => endsAt <= now);
    for (const { hash } of over) medium.requests.delete(hash);
    const left = medium.consents.filter(({ endedAt }) => endedAt === null || endedAt >= consentsBefore);
    const gone = medium.consents.length - left.length;
    medium.consents.splice(0, medium.consents.length, ...left);
    return over.length + gone;
  }

  #endConsents(id: string, now: number): void {
    const { consents } = this.medium();
    for (const [index, one] of consents.entries())
      if (one.id === id && one.endedAt === null) consents[index] = { ...one, endedAt: now };
  }
  #kept({ address, channels }: Person): Personal['subscriptions'] {
    return [...this.medium().subscriptions.values()]
      .map(({ origin, subscription }) => ({ ...subscription, origin: origin as 'self' | 'api' | 'config' }))
      .filter((one) => one.address?.toLowerCase() === address && channels.includes(one.channel))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }
  #told(person: Person): Delivery[] {
    const written = this.#kept(person).map((one: Subscription) => `${one.channel} ${one.address}`);
    const where = new Set([...destinationsOf(person), ...written]);
    return [...this.medium().deliveries.values()].filter(({ destination }) => where.has(destination));
  }
  #drop(isWhose: (delivery: Delivery) => boolean): void {
    const { deliveries } = this.medium();
    for (const one of deliveries.values()) {
      const { withheld, leader: _, ...rest } = one;
      const isOpen = one.state === 'waiting' || one.state === 'sending' || withheld !== undefined;
      if (isOpen && isWhose(one))
        deliveries.set(one.key, { ...rest, state: 'dropped', lastError: 'unsubscribed' });
    }
  }
}
