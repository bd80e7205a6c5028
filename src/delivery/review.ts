import type { Verdict } from '../store/ledger/withholding.ts';
import { isUnanswered, recordUnanswered, type Told } from './escalation.ts';
import { type Hearing, hear, readGrounds } from './grounds.ts';
import { BATCH, type DispatcherOptions, readReceivers } from './options.ts';
import { decideAgain } from './policy.ts';

/** What was taken for a look and not decided on, as at a crash, is due again after this. */
const LEASE_MS = 30_000;

/**
 * Asks again of deliveries held back: what still stands when its cause has ended is told now, what does not is left.
 * Returns true when there may be more.
 */
export async function reviewWithheld(options: DispatcherOptions): Promise<boolean> {
  const { ledger, clock } = options;
  const leaseUntil = clock.now() + LEASE_MS;
  const due = await ledger.takeWithheld(clock.now(), BATCH, leaseUntil);
  if (due.length === 0) return false;
  const subscriptions = new Map((await readReceivers(options)).map((one) => [one.id, one]));
  const hearing: Hearing = new Map();
  const grounds = await readGrounds(
    options,
    due.map(({ stored }) => stored),
    [...subscriptions.values()],
    hearing,
  );
  const unanswered: Told[] = [];
  const verdicts = due.map(({ key, alert, stored, isStanding, subscription: { id } }): Verdict => {
    const subscription = subscriptions.get(id);
    if (!isStanding || !subscription || options.isMuted?.(stored)) return { key, verdict: 'forget' };
    const { withheld, ...when } = decideAgain(stored, subscription, grounds);
    if (withheld) return { key, verdict: withheld };
    const now = { stored, receiver: subscription };
    if (isUnanswered(now, grounds)) unanswered.push(now);
    hear(hearing, alert, id, stored.revision.event.level, grounds.at);
    return { key, verdict: 'send', ...when };
  });
  await recordUnanswered(options, unanswered);
  await ledger.review(verdicts, leaseUntil, clock.now());
  return due.length === BATCH;
}
