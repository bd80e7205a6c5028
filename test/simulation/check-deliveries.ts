import type { Received } from './channel-model.ts';
import { violate, type World } from './world.ts';

/** An answer given this long before a process died may not have been marked. */
const MARKING_MS = 1000;

/**
 * Each (alert, revision, subscription) arrived, with the bytes of the replay, revisions in order; again only where the
 * channel had not said that it arrived, or the sender died or slept between the answer and its mark.
 */
export function checkDeliveries(world: World, bodies: ReadonlyMap<string, string>): void {
  const byKey = Map.groupBy(world.channel.received, ({ key }) => key);
  for (const key of bodies.keys())
    if (!world.ledger.deliveries.has(`${key}.all`)) violate(world, `revision ${key} has no delivery`);
  for (const { key, alert, revision, subscription } of world.ledger.deliveries.values()) {
    const received = byKey.get(key);
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
