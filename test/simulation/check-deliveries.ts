import type { Delivery } from '../../src/store/ledger/delivery.ts';
import type { Received } from './channel-model.ts';
import { lookMs } from './front.ts';
import { violate, type World } from './world.ts';

/** An answer given this long before a process died may not have been marked. */
const MARKING_MS = 1000;
/** A step that is due is told so soon after the next look of the dispatcher: the clocks of the processes. */
const LATE_MS = 120_000;

/**
 * Each (alert, revision, subscription) arrived, with the bytes of the replay, revisions in order; again only where the
 * channel had not said that it arrived, or the sender died or slept between the answer and its mark.
 */
export function checkDeliveries(world: World, bodies: ReadonlyMap<string, string>): void {
  const byKey = Map.groupBy(world.channel.received, ({ key }) => key);
  const all = [...world.ledger.deliveries.values()];
  for (const key of bodies.keys())
    if (!world.ledger.deliveries.has(`${key}.all`) && !isUnheardEnd(world, key))
      violate(world, `revision ${key} has no delivery`);
  for (const one of all) {
    const { key, alert, revision, subscription } = one;
    const received = byKey.get(key);
    if (!received && isPassedOver(world, one, byKey)) continue;
    if (!received) violate(world, `delivery ${key} (${subscription.id}) never arrived`);
    const body = bodies.get(`${alert}.${revision}`);
    if (received?.some((one) => one.body !== body))
      violate(world, `delivery ${key} told what the replay of the log does not say`);
  }
  for (const [key, received] of byKey) {
    if (!world.ledger.deliveries.has(key)) violate(world, `delivery ${key} is not in the ledger`);
    checkRepeats(world, key, received);
  }
  checkOrder(world, byKey);
}

/** An end is told to nobody who never heard of the alert: everything before it was held back. */
function isUnheardEnd(world: World, key: string): boolean {
  const [alert, revision] = key.split('.');
  const { revisions, deliveries } = world.ledger;
  const event = revisions.find(
    (one) => one.revision.event.alert === alert && one.revision.event.revision === Number(revision),
  )?.revision.event;
  const before = [...deliveries.values()].filter(
    (one) => one.alert === alert && one.subscription.id === 'all' && one.revision < Number(revision),
  );
  return event?.event === 'ended' && before.every(({ state }) => state === 'dropped');
}

/**
 * What was dropped for a cause that holds: a red revision of the alert arrived in its place, or a higher alert did and
 * the revision is either held back still or no longer what stands.
 */
function isPassedOver(world: World, one: Delivery, byKey: ReadonlyMap<string, readonly Received[]>): boolean {
  if (one.state !== 'dropped') return false;
  const arrived = (alert: string, after: number): boolean =>
    [...world.ledger.deliveries.values()].some(
      (other) =>
        other.alert === alert &&
        other.subscription.id === one.subscription.id &&
        other.revision > after &&
        byKey.has(other.key),
    );
  if (one.lastError?.startsWith('superseded')) return arrived(one.alert, one.revision);
  if (one.lastError?.startsWith('told at ')) return isWaitingStep(world, one);
  const higher = /^inhibited by the \w+ alert (\w+)/.exec(one.lastError ?? '')?.[1];
  const newest = world.ledger.revisions.findLast(({ revision }) => revision.event.alert === one.alert);
  const isStanding = newest?.seq === one.seq && newest.state !== 'ended';
  return higher !== undefined && arrived(higher, 0) && (one.withheld !== undefined || !isStanding);
}

/** A step that is not due yet, or whose alert went on without it. */
function isWaitingStep(world: World, { alert, seq, lastError, withheld }: Delivery): boolean {
  const newest = world.ledger.revisions.findLast(({ revision }) => revision.event.alert === alert);
  const isStanding = newest?.seq === seq && newest.state !== 'ended';
  const due = Date.parse(/^told at (\S+)/.exec(lastError ?? '')?.[1] ?? '');
  return (
    !isStanding || (withheld !== undefined && due > world.scheduler.now - LATE_MS - lookMs(world.cadence))
  );
}

function checkRepeats(world: World, key: string, received: readonly Received[]): void {
  received.slice(1).forEach((repeat, i) => {
    const before = received[i] as Received;
    if (before.acknowledgedAt > repeat.at) return;
    const isExcused = world.outages.some(
      ({ who, from, to }) => who === 'front' && from <= repeat.at && to >= before.acknowledgedAt - MARKING_MS,
    );
    if (!isExcused) violate(world, `delivery ${key} arrived again although it was acknowledged`);
  });
}

/** The first arrivals of one alert at one subscription come in order of revision. */
function checkOrder(world: World, byKey: ReadonlyMap<string, readonly Received[]>): void {
  const newest = new Map<string, number>();
  const firsts = [...byKey.values()].map(([first]) => first as Received).sort((a, b) => a.at - b.at);
  for (const { key } of firsts) {
    const [alert, revision, subscription] = key.split('.') as [string, string, string];
    const lane = `${alert} ${subscription}`;
    const before = newest.get(lane) ?? 0;
    if (Number(revision) < before) violate(world, `delivery ${key} arrived after revision ${before}`);
    newest.set(lane, Math.max(before, Number(revision)));
  }
}
