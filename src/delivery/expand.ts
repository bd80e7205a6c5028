import { isSelfTest } from '../model/self-test.ts';
import type { Expansion } from '../store/ledger/ledger.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import type { Withheld } from '../store/ledger/withholding.ts';
import { type Audience, createAudience } from './audience.ts';
import { destinationOf } from './destination.ts';
import { isToldBefore, isUnanswered, recordUnanswered, type Told as ToldNow } from './escalation.ts';
import { type Hearing, hear, readGrounds } from './grounds.ts';
import { BATCH, type DispatcherOptions, readReceivers, regionsOf } from './options.ts';
import { ASK_AGAIN_MS, decide, type Grounds } from './policy.ts';
import { rankOf } from './rank.ts';

/** Who is told of an alert, by rows that the ledger does not know yet, too. */
type Told = Map<string, Set<string>>;

/**
 * Writes the deliveries of the oldest outbox rows with subscriptions and silences as they are now. Returns true when
 * there may be further rows.
 */
export async function expandOutbox(options: DispatcherOptions): Promise<boolean> {
  const { ledger, clock } = options;
  const rows = (await ledger.outbox(BATCH)).map(({ revision }) => revision);
  if (rows.length === 0) return false;
  const subscriptions = await readReceivers(options);
  const audience = createAudience(subscriptions);
  const told: Told = new Map();
  const hearing: Hearing = new Map();
  const grounds = await readGrounds(options, rows, subscriptions, hearing);
  const expansions: Expansion[] = [];
  const unanswered: ToldNow[] = [];
  for (const stored of highestFirst(rows)) {
    await options.prepare?.(stored);
    const deliveries = await deliveriesOf(options, stored, audience, grounds, told, hearing, unanswered);
    expansions.push({ seq: stored.seq, deliveries });
  }
  await recordUnanswered(options, unanswered);
  await ledger.expand(expansions, clock.now());
  for (const { seq, deliveries } of expansions) {
    options.onEvent?.({ kind: 'expanded', seq, deliveries: deliveries.length });
    for (const { withheld } of deliveries)
      if (withheld) options.onEvent?.({ kind: 'withheld', cause: withheld.cause });
  }
  return rows.length === BATCH;
}

async function deliveriesOf(
  options: DispatcherOptions,
  stored: StoredRevision,
  audience: Audience,
  grounds: Grounds,
  toldNow: Told,
  hearing: Hearing,
  unanswered: ToldNow[],
): Promise<Expansion['deliveries']> {
  const { alert, revision, subject, level } = stored.revision.event;
  const told =
    toldNow.get(alert) ?? new Set(revision === 1 ? [] : await options.ledger.told(alert, revision));
  toldNow.set(alert, told);
  if (options.isMuted?.(stored)) return [];
  if (isSelfTest(stored.revision.event)) return testsOf(options, stored);
  const codes = [subject.id, ...regionsOf(options, stored)];
  const where = { codes, shapes: options.shapesOf?.(stored) ?? [] };
  const { draft, act } = stored.revision;
  return audience(stored, where, told).flatMap((subscription): Expansion['deliveries'] => {
    if ((draft && !subscription.drafts) || isToldBefore(stored, subscription, grounds)) return [];
    if (draft || act?.correction) {
      // Who is to approve is asked at once; who was told of a false alarm hears of it at once, by itself.
      told.add(subscription.id);
      return [{ subscription, destination: destinationOf(subscription) }];
    }
    const decision = decide(stored, subscription, grounds);
    const common = { subscription, destination: destinationOf(subscription) };
    if (decision.withheld) return [{ ...common, withheld: soon(decision.withheld, grounds.at) }];
    const now = { stored, receiver: subscription };
    if (isUnanswered(now, grounds)) unanswered.push(now);
    told.add(subscription.id);
    hear(hearing, alert, subscription.id, level, grounds.at);
    return [{ ...common, ...decision }];
  });
}

/** A test goes to each channel once; its end is told to nobody, and no silence or quiet hour holds it back. */
const testsOf = ({ selfTest }: DispatcherOptions, { revision }: StoredRevision): Expansion['deliveries'] =>
  revision.event.event === 'raised'
    ? (selfTest?.subscriptions ?? []).map((subscription) => ({
        subscription,
        destination: destinationOf(subscription),
      }))
    : [];

const soon = (withheld: Withheld, at: number): Withheld => ({
  ...withheld,
  until: Math.min(withheld.until, at + ASK_AGAIN_MS),
});

/** Alerts that reach the highest level in front, so that a lower one beside them is known to be; revisions in order. */
function highestFirst(rows: readonly StoredRevision[]): readonly StoredRevision[] {
  const highest = new Map<string, number>();
  const rank = ({ revision }: StoredRevision): number => rankOf(revision.event.level);
  for (const row of rows) {
    const { alert } = row.revision.event;
    highest.set(alert, Math.max(highest.get(alert) ?? 0, rank(row)));
  }
  const of = ({ revision }: StoredRevision): number => highest.get(revision.event.alert) ?? 0;
  return rows.toSorted((a, b) => of(b) - of(a) || a.seq - b.seq);
}
