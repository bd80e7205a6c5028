import { z } from 'zod';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Feedback } from '../../model/observed-event.ts';
import { levelNames } from '../../model/rule.ts';
import { DAY_MS, formatInstant, HOUR_MS } from '../../model/time.ts';
import { operatorHazards } from '../../rules/hazard.ts';
import {
  type Case,
  casesOf,
  type Grounds,
  groundsOf,
  rollingScores,
  rulesOf,
  scoreCases,
  type Verified,
} from '../../statistics/verification-events.ts';
import type { StoredRevision } from '../../store/ledger/stored-revision.ts';
import type { ApiDeps } from '../deps.ts';
import { instant, readQuery, span } from '../input.ts';
import { type Route, ref } from '../route.ts';
import { observedRoutes, observedView } from './events.ts';
import { seenAt } from './seen.ts';

const MAX_ALERTS = 20_000;
const MAX_EVENTS = 10_000;
const PAGE = 500;
const MAX_MISSED = 50;
const ROLLING_POINTS = 24;
const MAX_TOLERANCE_MS = 7 * DAY_MS;

const query = z.strictObject({
  from: instant.optional(),
  to: instant.optional(),
  by: z.enum(['rule', 'area', 'level']).default('rule'),
  tolerance: span
    .refine((ms) => ms <= MAX_TOLERANCE_MS, 'is more than 7d')
    .optional()
    .meta({ default: '1h' }),
  /** Of the rolling scores. */
  window: span.optional().meta({ default: '90d' }),
});
type Query = z.output<typeof query>;

/** Every alert that stood in the span, with all its public revisions. Throws ATL_USAGE beyond the limits. */
async function readVerified(deps: ApiDeps, bounds: Bounds): Promise<Verified> {
  const { ledger } = deps;
  const { from, to, toleranceMs } = bounds;
  const wide = { from: from - toleranceMs, to: to + toleranceMs };
  const stored: StoredRevision[] = [];
  const feedback: Feedback[] = [];
  let cursor: string | null = null;
  let seen = 0;
  do {
    const page = await ledger.alerts({ ...wide, limit: PAGE, ...(cursor === null ? {} : { cursor }) });
    const ids = page.items.map(({ revision }) => revision.event.alert);
    seen += ids.length;
    if (seen > MAX_ALERTS) throw tooMany(`${MAX_ALERTS} alerts`);
    stored.push(...(await ledger.histories(ids)));
    feedback.push(...(await ledger.feedback(ids)));
    cursor = page.next;
  } while (cursor !== null);
  const events = await ledger.observed({ ...wide, limit: MAX_EVENTS });
  if (events.length === MAX_EVENTS) throw tooMany(`${MAX_EVENTS} events`);
  const rules = deps.rules().filter(({ hazard }) => !operatorHazards.has(hazard));
  return {
    ...bounds,
    revisions: stored
      .filter(({ revision }) => !revision.draft && !operatorHazards.has(revision.event.hazard))
      .map(({ revision }) => revision.event),
    events,
    feedback,
    stations: deps.stations(),
    areas: deps.areas?.() ?? [],
    rules: new Map(
      rules.map(({ name, hazard, area }) => [
        name,
        area.kind === 'radius' ? { hazard, reachKm: area.km } : { hazard },
      ]),
    ),
    now: deps.now(),
  };
}

const tooMany = (what: string): AtalaiaError =>
  new AtalaiaError('ATL_USAGE', `More than ${what} lie in this span. Shorten it.`);

interface Bounds {
  readonly from: number;
  readonly to: number;
  readonly toleranceMs: number;
}

/** Throws ATL_USAGE. */
function boundsOf({ from, to, tolerance = HOUR_MS }: Query, now: number): Bounds {
  const end = to ?? now;
  const start = from ?? end - 365 * DAY_MS;
  if (start < end) return { from: start, to: end, toleranceMs: tolerance };
  throw new AtalaiaError('ATL_USAGE', 'Query `from` is not before `to`. Exchange them.');
}

/** What a row is of, and its cases. */
type Group = readonly [of: Readonly<Record<string, string | null>>, cases: readonly Case[]];

/** By area and level all rules are judged as one: what one of them warned of was not missed. */
function groupsOf(grounds: Grounds, by: Query['by'], levels: (rule: string) => readonly string[]): Group[] {
  if (by === 'level') return levelNames.map((level) => [{ level }, casesOf(grounds, null, level)]);
  if (by === 'area') {
    const of = Map.groupBy(casesOf(grounds, null, 'yellow'), ({ area }) => area);
    return [...of].sort(([a], [b]) => ((a ?? '') < (b ?? '') ? -1 : 1)).map(([area, all]) => [{ area }, all]);
  }
  return rulesOf(grounds.given).flatMap((rule) =>
    levelNames
      .filter((level) => levels(rule).includes(level))
      .map((level): Group => [{ rule, level }, casesOf(grounds, rule, level)]),
  );
}

const get: Route = {
  method: 'GET',
  path: '/api/v1/verification',
  operationId: 'getVerification',
  summary:
    'Alerts that were sent against what happened: hits, misses, false alarms, POD, FAR, CSI, bias and lead time, by rule, area or level, and what was missed.',
  query,
  responses: { 200: { description: 'The scores', schema: ref('Verification') } },
  problems: [400],
  async handler(request, reply, deps) {
    const asked = readQuery(query, request.query);
    const bounds = boundsOf(asked, deps.now());
    const given = await readVerified(deps, bounds);
    const grounds = groundsOf(given);
    const levels = new Map(deps.rules().map((rule) => [rule.name, rule.levels.map(({ level }) => level)]));
    const groups = groupsOf(grounds, asked.by, (rule) => levels.get(rule) ?? levelNames);
    const missed = casesOf(grounds, null, 'yellow').flatMap(({ kind, event }) =>
      kind === 'miss' && event ? [event] : [],
    );
    const shownMisses: object[] = [];
    for (const event of missed.toReversed().slice(0, MAX_MISSED))
      shownMisses.push({ ...observedView(event), seen: await seenAt(event, deps) });
    reply.header('Cache-Control', 'no-store');
    return {
      ...{ from: formatInstant(bounds.from), to: formatInstant(bounds.to), by: asked.by },
      tolerance: `PT${bounds.toleranceMs / 1000}S`,
      alerts: new Set(given.revisions.map(({ alert }) => alert)).size,
      events: given.events.length,
      rows: groups.map(([of, cases]) => ({
        ...of,
        ...scoreCases(cases),
        rolling: rolling(cases, bounds, asked),
      })),
      missed: shownMisses,
      missedCount: missed.length,
    };
  },
};

function rolling(cases: readonly Case[], bounds: Bounds, { window = 90 * DAY_MS }: Query): readonly object[] {
  const windowMs = Math.min(window, bounds.to - bounds.from);
  const every = Math.max(HOUR_MS, Math.ceil((bounds.to - bounds.from - windowMs) / (ROLLING_POINTS - 1)));
  return rollingScores(cases, bounds, windowMs, every).map(({ to, ...scores }) => ({
    to: formatInstant(to),
    ...scores,
  }));
}

export const verificationRoutes: readonly Route[] = [get, ...observedRoutes];
