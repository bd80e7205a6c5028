import type { Level } from '../model/rule.ts';
import type { Receiver } from '../store/ledger/receivers.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import { readAnswers } from './escalation.ts';
import { type DispatcherOptions, regionsOf } from './options.ts';
import type { Grounds } from './policy.ts';
import { rankOf } from './rank.ts';

/** The highest level at which subscriptions hear of alerts, and when they were first told: alert, then subscription. */
export type Hearing = Map<
  string,
  Map<string, { readonly level: Level; readonly since?: number | undefined }>
>;

/** Notes that a subscription hears of an alert; `since`: it was told then, or is about to be. */
export function hear(
  hearing: Hearing,
  alert: string,
  subscription: string,
  level: Level,
  since: number | undefined,
): void {
  const row = hearing.get(alert) ?? new Map();
  const known = row.get(subscription);
  const isHigher = known === undefined || rankOf(level) > rankOf(known.level);
  row.set(subscription, { level: isHigher ? level : known.level, since: known?.since ?? since });
  hearing.set(alert, row);
}

/** What decisions on these revisions rest on, read from the ledger; what is decided then is added to `hearing`. */
export async function readGrounds(
  options: DispatcherOptions,
  revisions: readonly StoredRevision[],
  subscriptions: readonly Receiver[],
  hearing: Hearing,
): Promise<Grounds> {
  const { ledger, clock } = options;
  const at = clock.now();
  const lower = revisions.filter(({ revision }) => revision.event.level !== 'red');
  const subjects = new Set(
    lower.flatMap((one) => [one.revision.event.subject.id, ...regionsOf(options, one)]),
  );
  const open = subjects.size === 0 ? [] : await ledger.standing([...subjects]);
  // Nothing but a level above yellow stands in another's way.
  const higher = open.filter((one) => one.revision.event.level !== 'yellow' && !options.isMuted?.(one));
  const answers = await readAnswers(options, revisions, subscriptions);
  const alerts = [...new Set([...higher.map(({ revision }) => revision.event.alert), ...answers.keys()])];
  if (alerts.length > 0)
    for (const { alert, subscription, level, since } of await ledger.heard(alerts))
      hear(hearing, alert, subscription, level, since);
  const bySubject = Map.groupBy(higher, ({ revision }) => revision.event.subject.id);
  return {
    at,
    silences: (await ledger.silences(at)).filter(({ from }) => from <= at),
    regionsOf: (revision) => regionsOf(options, revision),
    standing: (subject) => bySubject.get(subject) ?? [],
    heard: (alert, id) => hearing.get(alert)?.get(id)?.level,
    since: (alert, id) => hearing.get(alert)?.get(id)?.since,
    answers: (alert) => answers.get(alert),
    canGroup: (subscription) => options.canGroup?.(subscription) ?? true,
  };
}
