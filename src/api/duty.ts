import { z } from 'zod';
import { formatAlertEvent } from '../alerts/event-json.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { decodeRecord } from '../log/record-codec.ts';
import type { ActOutcome } from '../model/act.ts';
import { fromScaled, quantities } from '../model/quantity.ts';
import type { Report } from '../model/report.ts';
import { emptyDirectory } from '../model/roster.ts';
import { type Level, levelNames } from '../model/rule.ts';
import { formatInstant } from '../model/time.ts';
import { readHold } from '../store/ledger/hold.ts';
import type { Ledger, OpenCounts } from '../store/ledger/ledger.ts';
import { lastResortIds } from '../store/ledger/receivers.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import { draftItem } from './alerts.ts';
import { errorOf } from './channels/deliveries.ts';
import type { ApiDeps } from './deps.ts';
import { holdView } from './hold.ts';
import { name, pageSize, readQuery } from './input.ts';
import { listOf, type Route, sendJson } from './route.ts';

const MAX_DRAFTS = 1000;
const MAX_DEAD = 100;
const MAX_HELD = 100;
const RETRIES = 3;
/** The worst first: whatever is cut, no red is. */
const worstFirst = levelNames.toReversed();

const query = z.strictObject({ limit: pageSize(1000, 1000), cursor: name.optional() });

/**
 * Whether somebody has to look: nobody has acknowledged the alert, or it stands at a higher level than the one that was
 * acknowledged. A person who said "seen" at yellow has not seen the red.
 */
async function needsSomeone(ledger: Ledger, stored: StoredRevision, seen?: ActOutcome): Promise<boolean> {
  if (!seen) return true;
  const { event } = stored.revision;
  if (seen.revision === event.revision) return false;
  const history = await ledger.history(event.alert);
  const then = history.findLast(({ revision }) => revision.event.revision <= (seen.revision ?? 0));
  const levelThen = then?.revision.event.level;
  return levelThen === undefined || levelNames.indexOf(event.level) > levelNames.indexOf(levelThen);
}

/** Where a page goes on: a level, and the ledger's own place in it. Throws ATL_USAGE. */
function placeOf(cursor: string | undefined): readonly [number, string | undefined] {
  if (cursor === undefined) return [0, undefined];
  const [level, place] = cursor.split('.', 2);
  const index = (worstFirst as readonly (string | undefined)[]).indexOf(level);
  if (index >= 0) return [index, place || undefined];
  throw new AtalaiaError(
    'ATL_USAGE',
    'The cursor is none of ours. Take it from `next` of the page before, or leave it out.',
  );
}

type Page = Awaited<ReturnType<Ledger['alerts']>>;

/** A page of the open alerts: by level, the newest of each first. */
async function openAlerts(ledger: Ledger, limit: number, cursor: string | undefined): Promise<Page> {
  const items: StoredRevision[] = [];
  let [index, place] = placeOf(cursor);
  for (; index < worstFirst.length; index++, place = undefined) {
    const level = worstFirst[index] as Level;
    if (items.length === limit) return { items, next: `${level}.` };
    const wanted = { state: 'open', level, limit: limit - items.length } as const;
    const page = await ledger.alerts({ ...wanted, ...(place === undefined ? {} : { cursor: place }) });
    items.push(...page.items);
    if (page.next !== null) return { items, next: `${level}.${page.next}` };
  }
  return { items, next: null };
}

const isShort = ({ items, next }: Page, { alerts }: OpenCounts): boolean =>
  next === null && items.length < alerts.yellow + alerts.orange + alerts.red;

/** Open alerts of which the last resort of an escalation was told: nobody has answered in any round. */
async function unansweredOf({ ledger, directory }: ApiDeps, alerts: readonly string[]): Promise<Set<string>> {
  const all = await ledger.subscriptions();
  const last = all.flatMap((one) => lastResortIds(one, directory ?? emptyDirectory));
  if (last.length === 0 || alerts.length === 0) return new Set();
  return new Set((await ledger.heard(alerts, last)).map(({ alert }) => alert));
}

async function alertItems(deps: ApiDeps, items: readonly StoredRevision[]): Promise<string[]> {
  const { ledger } = deps;
  const waiting = new Set((await ledger.drafts(MAX_DRAFTS)).map(({ revision }) => revision.event.alert));
  const ids = items.map(({ revision }) => revision.event.alert);
  const seen = new Map((await ledger.acknowledged(ids)).map((outcome) => [outcome.alert, outcome]));
  const unanswered = await unansweredOf(deps, ids);
  return Promise.all(
    // What waits for approval stands there alone, as what it is to become.
    items
      .filter(({ revision }) => !waiting.has(revision.event.alert))
      .map(async (stored) => {
        const { event, expiresAt, levelSinceAt } = stored.revision;
        const by = seen.get(event.alert);
        const isWaiting = await needsSomeone(ledger, stored, by);
        const more = {
          state: stored.state,
          expiresAt: formatInstant(expiresAt),
          levelSinceAt: formatInstant(levelSinceAt),
          isWaiting,
          ...(isWaiting && unanswered.has(event.alert) ? { isUnanswered: true } : {}),
          acknowledged: by ? { by: by.by, at: formatInstant(by.at), revision: by.revision } : null,
        };
        return `{"kind":"alert",${formatAlertEvent(event).slice(1, -1)},${JSON.stringify(more).slice(1)}`;
      }),
  );
}

/** What waits for approval, the oldest first. */
const draftItems = async (ledger: Ledger): Promise<string[]> =>
  (await ledger.drafts(MAX_DRAFTS)).map((stored) => `{"kind":"draft",${draftItem(stored).slice(1)}`);

/** Deliveries that were given up, with the alert that they were about; the newest first. */
async function deadItems(ledger: Ledger): Promise<string[]> {
  const dead = await ledger.deliveries({ state: 'dead', limit: MAX_DEAD });
  return dead.toReversed().map((one) =>
    JSON.stringify({
      kind: 'delivery',
      key: one.key,
      alert: one.alert,
      revision: one.revision,
      subscription: one.subscription.name,
      channel: one.subscription.channel,
      attempts: one.attempts,
      lastError: one.lastError === undefined ? null : errorOf(one),
    }),
  );
}

/** The values of a held report, in canonical units; of one that this program cannot read its size, and why. */
function lastOf(payload: Uint8Array): object {
  try {
    const record = decodeRecord(payload);
    if (record.kind !== 'report') throw new Error(`it is a record of kind ${record.kind}`);
    return { last: valuesOf(record.report) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { last: null, unreadable: { bytes: payload.length, reason: reason.slice(0, 500) } };
  }
}

const valuesOf = ({ observedAt, quantities: names, values }: Report): object => ({
  observedAt: formatInstant(observedAt),
  values: Object.fromEntries(
    names.flatMap((name, i) => {
      const quantity = quantities.get(name);
      return quantity
        ? [[name, { value: fromScaled(values[i] as number, quantity.decimals), unit: quantity.unit }]]
        : [];
    }),
  ),
});

/** Stations that nobody has registered and whose reports wait, with the last that each sent. */
async function heldItems(ledger: Ledger): Promise<string[]> {
  return (await ledger.heldStations(MAX_HELD)).map(({ station, reports, firstAt, lastAt, payload }) =>
    JSON.stringify({
      kind: 'station',
      station,
      reports,
      since: formatInstant(firstAt),
      at: formatInstant(lastAt),
      ...lastOf(payload),
    }),
  );
}

/** The hold in force, if a person gave one: what it keeps back nobody hears. */
async function holdItem({ ledger, deliveryNow, now }: ApiDeps): Promise<string[]> {
  const hold = await readHold(ledger, (deliveryNow ?? now)());
  return hold ? [JSON.stringify({ kind: 'hold', ...holdView(hold) })] : [];
}

/** A test of the channels that did not pass: warnings may not arrive. */
function selfTestItem({ selfTest }: ApiDeps): string[] {
  const status = selfTest?.status();
  return status && !status.ok ? [JSON.stringify({ kind: 'self-test', ...status })] : [];
}

/** What waits for the person on duty: with the first page all that is no alert, too. */
export const dutyRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/duty',
    operationId: 'getDuty',
    summary:
      'Whether sending is held, a test of the channels that failed, what waits for approval, open alerts with who has seen them, the worst first, then deliveries that were given up and stations to adopt; `total` counts all there are.',
    query,
    responses: {
      200: {
        description: 'Items of kind hold, self-test, draft, alert, delivery or station',
        schema: { allOf: [listOf('DutyItem'), { type: 'object', required: ['total'] }] },
      },
    },
    problems: [400],
    async handler(request, reply, deps) {
      const { ledger } = deps;
      const { limit, cursor } = readQuery(query, request.query);
      let page = await openAlerts(ledger, limit, cursor);
      const rest = cursor === undefined ? [...(await deadItems(ledger)), ...(await heldItems(ledger))] : [];
      let counts = await ledger.openCounts();
      // An alert that rose between the levels that were read stands in neither.
      for (let tries = 0; tries < RETRIES && cursor === undefined && isShort(page, counts); tries++) {
        page = await openAlerts(ledger, limit, cursor);
        counts = await ledger.openCounts();
      }
      const { items, next } = page;
      const { alerts, dead, stations } = counts;
      const total = { alerts, deliveries: dead, stations };
      const first =
        cursor === undefined
          ? [...(await holdItem(deps)), ...selfTestItem(deps), ...(await draftItems(ledger))]
          : [];
      const all = [...first, ...(await alertItems(deps, items)), ...rest].join(',');
      reply.header('Cache-Control', 'no-store');
      return sendJson(
        reply,
        `{"items":[${all}],"next":${JSON.stringify(next)},"total":${JSON.stringify(total)}}`,
      );
    },
  },
];
