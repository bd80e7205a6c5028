import { z } from 'zod';
import type { ForeignInfo } from '../alerts/foreign/facts.ts';
import { foreignLevel, highestLevel, stateOf } from '../alerts/foreign/state.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { levelNames } from '../model/rule.ts';
import { formatInstant } from '../model/time.ts';
import type { ForeignBrief, ForeignFilter, StoredForeign } from '../store/ledger/foreign.ts';
import { readFeedState } from '../store/ledger/foreign-feed.ts';
import type { ApiDeps } from './deps.ts';
import { name, pageSize, readQuery } from './input.ts';
import { part, type Route, ref } from './route.ts';

/** Alerts that one answer looks through at most: those that are over lie between those in force. */
const MOST_SCANNED = 5000;
const SCAN = 500;
const COUNT_AGE_MS = 10_000;

const query = z.strictObject({
  state: z.enum(['active', 'all']).default('active'),
  /** The configured feed. */
  source: name.optional(),
  level: z.enum(levelNames).optional(),
  /** `true`: exercises and tests instead of what is real. */
  drills: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .meta({ default: 'false' }),
  limit: pageSize(500, 100),
  cursor: name.optional(),
});

/** The clock of the world, which the warnings of others follow in an exercise, too. */
const clockOf = (deps: ApiDeps): number => (deps.deliveryNow ?? deps.now)();

type Info = ForeignBrief['info'][number] & Partial<ForeignInfo>;

const infoView = ({ onsetAt, expiresAt, area, ...rest }: Info): object => ({
  ...rest,
  level: foreignLevel(rest),
  ...(onsetAt === undefined ? {} : { onsetAt: formatInstant(onsetAt) }),
  expiresAt: formatInstant(expiresAt),
  area,
});

/** The highest level of what is in force; of what is over, the highest that it had. */
function levelOf({ alert, end }: StoredForeign<ForeignBrief>, now: number): string | null {
  const { info } = alert;
  const live = info.filter(({ expiresAt }) => expiresAt > now);
  const isActive = stateOf(alert, end, now) === 'active';
  return highestLevel(isActive ? live : info);
}

function view(stored: StoredForeign<ForeignBrief>, now: number): object {
  const { id, alert, end } = stored;
  const { key: _, sentAt, expiresAt, info, status, ...rest } = alert;
  const state = stateOf(alert, end, now);
  return {
    ...{ id, state, level: levelOf(stored, now), status, drill: status !== 'Actual', ...rest },
    sentAt: formatInstant(sentAt),
    expiresAt: formatInstant(expiresAt),
    ...(end && state !== 'active' && state !== 'expired'
      ? { end: { kind: end.kind, at: formatInstant(end.sentAt), by: end.by } }
      : {}),
    info: info.map(infoView),
  };
}

/** For lists: the names of areas, without the empty places of their shapes. */
function briefView(stored: StoredForeign<ForeignBrief>, now: number): object {
  const shown = view(stored, now) as { readonly info: readonly Info[] };
  return {
    ...shown,
    info: shown.info.map(({ area, ...rest }) => ({ ...rest, areas: area.map(({ areaDesc }) => areaDesc) })),
  };
}

async function feedViews({ ledger, capFeeds = [] }: ApiDeps): Promise<readonly object[]> {
  const at = (instant: number): string | null => (instant === 0 ? null : formatInstant(instant));
  return Promise.all(
    capFeeds.map(async (feed) => {
      const { readAt, failedAt, failure, ...counts } = await readFeedState(ledger, feed);
      const isDown = failedAt > readAt;
      return { name: feed, isDown, readAt: at(readAt), failedAt: at(failedAt), failure, ...counts };
    }),
  );
}

/** The number of real warnings in force, of as many as one answer looks through; counted anew after a while. */
const counts = new WeakMap<ApiDeps, { readonly at: number; readonly count: Promise<number> }>();

function activeCount(deps: ApiDeps, now: number): Promise<number> {
  const known = counts.get(deps);
  if (known && now >= known.at && now - known.at < COUNT_AGE_MS) return known.count;
  const count = scan(deps, { drills: false, expiresAfter: now }, null, MOST_SCANNED, (row) =>
    stateOf(row.alert, row.end, now) === 'active' ? row : undefined,
  ).then(({ items }) => items.length);
  counts.set(deps, { at: now, count });
  // One that failed is not kept.
  count.catch(() => counts.delete(deps));
  return count;
}

/** What `pick` makes of alerts, at most `limit`, and where to go on; null when all were looked at. */
async function scan<T>(
  { ledger }: ApiDeps,
  filter: Omit<ForeignFilter, 'limit' | 'before'>,
  from: string | null,
  limit: number,
  pick: (row: StoredForeign<ForeignBrief>) => T | undefined,
): Promise<{ readonly items: readonly T[]; readonly next: string | null }> {
  const items: T[] = [];
  let next = from;
  let scanned = 0;
  do {
    const rows = await ledger.foreign({ ...filter, ...(next === null ? {} : { before: next }), limit: SCAN });
    next = null;
    for (const [i, row] of rows.entries()) {
      if (items.length === limit) break;
      next = i + 1 < rows.length || rows.length === SCAN ? row.id : null;
      const item = pick(row);
      if (item !== undefined) items.push(item);
    }
    scanned += rows.length;
  } while (next !== null && items.length < limit && scanned < MOST_SCANNED);
  return { items, next };
}

const list: Route = {
  method: 'GET',
  path: '/api/v1/foreign-alerts',
  operationId: 'listForeignAlerts',
  summary:
    'Warnings of other authorities, the newest first, without shapes; with state=all what is over for up to two days, too. Exercises and tests only with drills=true, and then alone. A page may be short: go on while `next` is there.',
  query,
  responses: { 200: { description: 'The warnings and the feeds', schema: ref('ForeignAlertList') } },
  problems: [400],
  async handler(request, reply, deps) {
    const { state, source, level, drills = false, limit, cursor } = readQuery(query, request.query);
    const now = clockOf(deps);
    const filter = {
      drills,
      ...(source === undefined ? {} : { source }),
      ...(state === 'active' ? { expiresAfter: now } : {}),
    };
    const { items, next } = await scan(deps, filter, cursor ?? null, limit, (row) => {
      if (state === 'active' && stateOf(row.alert, row.end, now) !== 'active') return undefined;
      return level === undefined || levelOf(row, now) === level ? briefView(row, now) : undefined;
    });
    reply.header('Cache-Control', 'no-store');
    return { items, next, active: await activeCount(deps, now), feeds: await feedViews(deps) };
  },
};

const one: Route = {
  method: 'GET',
  path: '/api/v1/foreign-alerts/{id}',
  operationId: 'getForeignAlert',
  summary: 'One warning of another authority with its texts, areas and shapes.',
  responses: { 200: { description: 'The warning', schema: ref('ForeignAlertDetail') } },
  problems: [404],
  async handler(request, reply, deps) {
    const id = part(request, 'id');
    const stored = await deps.ledger.foreignAlert(id);
    if (!stored)
      throw new AtalaiaError(
        'ATL_NOT_FOUND',
        `There is no warning ${id}. GET /api/v1/foreign-alerts lists them.`,
      );
    reply.header('Cache-Control', 'no-store');
    return view(stored, clockOf(deps));
  },
};

export const foreignRoutes: readonly Route[] = [list, one];
