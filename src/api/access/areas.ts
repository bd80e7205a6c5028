import type { FastifyRequest } from 'fastify';
import type { TypedCode } from '../../model/access.ts';
import type { Subject } from '../../model/subject.ts';
import type { StoredRevision } from '../../store/ledger/stored-revision.ts';
import type { ApiDeps } from '../deps.ts';
import { raisedPlace } from '../raise.ts';
import { part } from '../route.ts';

/**
 * What a request changes: for each thing the codes by which a user's areas may cover it; {@link everywhere} is covered
 * by no list. An empty answer leaves the refusal to the route.
 */
export type AreasOf = (request: FastifyRequest, deps: ApiDeps) => Promise<readonly Thing[]>;
type Thing = readonly TypedCode[];

const everywhere: Thing = [];

const station = (code: string): TypedCode => ({ kind: 'station', code });
const region = (code: string): TypedCode => ({ kind: 'region', code });
const area = (code: string): TypedCode => ({ kind: 'area', code });

/** Whether something of that kind goes by the code here. */
export function isKnownCode(kind: TypedCode['kind'], code: string, { stations, areas }: ApiDeps): boolean {
  if (kind === 'area') return areas?.().some(({ id }) => id === code) ?? false;
  return stations().some((one) => (kind === 'station' ? one.id : one.region) === code);
}

/** Of a limited user nothing: it is about all areas at once. */
export const everything: AreasOf = async () => [everywhere];

const stationCodes = (id: string, { stations }: ApiDeps): Thing => [
  station(id),
  ...stations().flatMap((one) => (one.id === id ? [region(one.region)] : [])),
];

/** Every region is an area by itself, under its own code. */
const areaCodes = (id: string, deps: ApiDeps): Thing =>
  isKnownCode('region', id, deps) ? [area(id), region(id)] : [area(id)];

const subjectCodes = (subject: Subject, deps: ApiDeps): Thing =>
  subject.kind === 'area' ? areaCodes(subject.id, deps) : stationCodes(subject.id, deps);

/** A polygon drawn by hand can lie anywhere, and a circle wider than the rule's own reaches others. */
function isDrawnOutside(drawn: unknown, { revision }: StoredRevision, { rules }: ApiDeps): boolean {
  if (typeof drawn !== 'object' || drawn === null) return false;
  if (!('radiusKm' in drawn)) return 'polygon' in drawn;
  const own = rules().find(({ name }) => name === revision.event.rule)?.area;
  return !(Number(drawn.radiusKm) <= (own?.kind === 'radius' ? own.km : 0));
}

export const alertAreas: AreasOf = async (request, deps) => {
  const newest = (await deps.ledger.history(part(request, 'id'))).at(-1);
  if (!newest) return [];
  const { area: drawn } = (request.body ?? {}) as { readonly area?: unknown };
  return [
    subjectCodes(newest.revision.event.subject, deps),
    ...(isDrawnOutside(drawn, newest, deps) ? [everywhere] : []),
  ];
};

/** The station or area of an alert raised by hand; one drawn on the map can lie anywhere. */
export const raisedAreas: AreasOf = async ({ body }, deps) => {
  const { subject, isDrawn } = raisedPlace(body);
  return [...(subject ? [subjectCodes(subject, deps)] : []), ...(isDrawn ? [everywhere] : [])];
};

export const stationAreas: AreasOf = async (request, deps) => {
  const id = part(request, 'id');
  // A station that is there keeps its region, whatever the body says.
  if (isKnownCode('station', id, deps)) return [stationCodes(id, deps)];
  return [[station(id), region(String((request.body as { readonly region?: unknown } | null)?.region))]];
};

/** A subscription's code is told of whatever goes by it, so that each of them must be covered. */
function subscribed(code: string, deps: ApiDeps): readonly Thing[] {
  const known = [
    ...(isKnownCode('station', code, deps) ? [stationCodes(code, deps)] : []),
    ...(isKnownCode('region', code, deps) ? [[region(code)]] : []),
    ...(isKnownCode('area', code, deps) ? [[area(code)]] : []),
  ];
  return known.length > 0 ? known : [[station(code), region(code), area(code)]];
}

const each = (codes: unknown, things: (code: string) => readonly Thing[]): readonly Thing[] =>
  Array.isArray(codes) ? codes.flatMap((code) => things(String(code))) : [everywhere];

/** Of one person: everything else (a topic, a web address) may be heard by many, sirens among them. */
const PERSONAL = /^(?:\+[1-9]\d{6,14}|[^@\s/]+@[^@\s/]+)$/;

/** The addresses that the steps of an escalation name, as asked or as kept. */
function stepAddresses(given: unknown): readonly unknown[] {
  const { steps, last } = (given ?? {}) as { readonly steps?: unknown; readonly last?: unknown };
  const targets = [...(Array.isArray(steps) ? steps.map((step) => step?.to) : []), last];
  return targets.map((to) => (to as { readonly address?: unknown } | null | undefined)?.address);
}

/** Places on the ground reach over the borders of areas, which have none here; so does an address that many hear. */
function subscriptionThings(given: unknown, deps: ApiDeps): readonly Thing[] {
  const { areas, places, address, escalation, ladder } = (given ?? {}) as Readonly<Record<string, unknown>>;
  const addresses = [address, ...stepAddresses(escalation), ...stepAddresses(ladder)];
  const isShared = addresses.some((one) => one !== undefined && !PERSONAL.test(String(one)));
  const isWide = places !== undefined || isShared;
  return [...each(areas, (code) => subscribed(code, deps)), ...(isWide ? [everywhere] : [])];
}

export const newSubscriptionAreas: AreasOf = async ({ body }, deps) => subscriptionThings(body, deps);

export const subscriptionAreas: AreasOf = async (request, deps) => {
  const id = part(request, 'id');
  const found = (await deps.ledger.subscriptions()).find((entry) => entry.id === id);
  return found ? subscriptionThings(found, deps) : [];
};

/** A test to one's own subscriptions, or to one person; the channel's own receiver may be everybody's. */
export const testedAreas: AreasOf = async ({ body }, deps) => {
  const { subscription: id, address } = (body ?? {}) as Readonly<Record<string, unknown>>;
  const found = (await deps.ledger.subscriptions()).find((entry) => entry.id === id);
  if (found?.address !== undefined) return subscriptionThings(found, deps);
  return PERSONAL.test(String(address)) ? [] : [everywhere];
};

/** Where the alert is that the delivery tells. */
export const deliveryAreas: AreasOf = async (request, deps) => {
  const alert = part(request, 'id').split('.', 1)[0] ?? '';
  const newest = (await deps.ledger.history(alert)).at(-1);
  return newest ? [subjectCodes(newest.revision.event.subject, deps)] : [];
};

/** With a region are silenced the named areas that are at home in it, wherever their stations are. */
function silencedBy(code: string, deps: ApiDeps): readonly Thing[] {
  const inRegion = new Set(deps.stations().flatMap((one) => (one.region === code ? [one.id] : [])));
  const reaching = (deps.areas?.() ?? []).filter(
    (one) => one.region === code && one.id !== code && one.stations.some((id) => !inRegion.has(id)),
  );
  const known = [
    ...(isKnownCode('region', code, deps) ? [[region(code)]] : []),
    ...(isKnownCode('area', code, deps) ? [[area(code)]] : []),
  ];
  const named = known.length > 0 ? known : [[region(code), area(code)]];
  return [...named, ...reaching.map(({ id }) => [area(id)])];
}

/** A silence lies inside when all its stations do, or all its areas; one that names neither is everywhere. */
function silenceThings(matchers: object, deps: ApiDeps): readonly Thing[] {
  const { station: ids, area: codes } = matchers as { readonly station?: unknown; readonly area?: unknown };
  return ids === undefined
    ? each(codes, (code) => silencedBy(code, deps))
    : each(ids, (id) => [stationCodes(id, deps)]);
}

/** What a silence holds back, as it is and as it is to be. */
export const silenceAreas: AreasOf = async ({ body, params }, deps) => {
  const { id } = params as { readonly id?: string };
  const kept = id === undefined ? undefined : (await deps.ledger.silence(id))?.matchers;
  const given = (body as { readonly matchers?: object } | null)?.matchers;
  return [kept, given].flatMap((matchers) => (matchers ? silenceThings(matchers, deps) : []));
};
