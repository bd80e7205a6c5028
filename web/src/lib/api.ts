import type { AlertDetail, AlertItem, AlertRule, ObservationItem, Page, Status } from './contract.ts';

const base = '/api/v1';
const timeoutMs = 8000;
const mostPages = 10;

/** The server answered, but not with the thing asked for. */
export class HttpError extends Error {
  readonly status: number;
  constructor(path: string, status: number) {
    super(`${path} answered ${status}`);
    this.name = 'HttpError';
    this.status = status;
  }
}

/** `isByPerson` false: the page asks by itself, which keeps no session alive. */
async function request(path: string, accept: string, isByPerson = true): Promise<Response> {
  const headers = { accept, ...(isByPerson ? {} : { 'atalaia-background': '1' }) };
  const response = await fetch(base + path, { headers, signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new HttpError(path, response.status);
  return response;
}

/** Something that changes the server; resolves with its answer, whatever that is. */
export const send = (
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: object,
  withinMs = timeoutMs,
): Promise<Response> =>
  fetch(base + path, {
    method,
    ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
    signal: AbortSignal.timeout(withinMs),
  });

/** A file of CSV to the server; a large one takes its time. */
export const sendCsv = (path: string, file: Blob): Promise<Response> =>
  fetch(base + path, {
    method: 'POST',
    body: file,
    headers: { 'content-type': 'text/csv' },
    signal: AbortSignal.timeout(8 * timeoutMs),
  });

/** GET of a JSON resource under /api/v1; throws HttpError, TypeError (no connection) or TimeoutError. */
export const getJson = async <T>(path: string, isByPerson = true): Promise<T> =>
  (await (await request(path, 'application/json', isByPerson)).json()) as T;

export const getText = async (path: string, accept: string): Promise<string> =>
  (await request(path, accept)).text();

/** All items of a list, at most ten pages of it. */
export async function getAll<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < mostPages; page++) {
    const joined: string =
      cursor === null ? '' : `${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`;
    const answer: Page<T> = await getJson<Page<T>>(path + joined);
    items.push(...answer.items);
    cursor = answer.next ?? null;
    if (cursor === null) break;
  }
  return items;
}

/** Hazards that are told to the people who run the system, not to the public. */
const operatorHazards: ReadonlySet<string> = new Set(['station-silent']);
export const isPublic = (alert: AlertItem): boolean => !operatorHazards.has(alert.hazard);

/** Open alerts, with the expiry that the status tells. */
export async function getOpenAlerts(status: Status | null): Promise<AlertItem[]> {
  const items = await getAll<Omit<AlertItem, 'expiresAt'>>('/alerts?state=open&limit=500');
  return items.map((item) => ({ ...item, expiresAt: status?.expiresAt?.[item.alert] ?? item.issuedAt }));
}

/** One alert; the rule stands in full where the list has its name. */
export async function getAlert(id: string): Promise<AlertDetail> {
  const detail = await getJson<Omit<AlertDetail, 'rule'> & { rule: string; ruleDetail: AlertRule | null }>(
    `/alerts/${encodeURIComponent(id)}`,
  );
  const unknown = {
    name: detail.rule,
    title: { 'pt-BR': detail.rule, en: detail.rule },
    hazard: detail.hazard,
  };
  return {
    ...detail,
    rule: detail.ruleDetail ?? { ...unknown, levels: [], instruction: { 'pt-BR': '', en: '' } },
  };
}

/** Observations of a station in `(from, to]`, ascending by instant. */
export async function getObservations(station: string, from: number, to: number): Promise<ObservationItem[]> {
  const query = new URLSearchParams({
    from: new Date(from).toISOString(),
    to: new Date(to + 1000).toISOString(),
  });
  const items = await getAll<ObservationItem>(
    `/stations/${encodeURIComponent(station)}/observations?${query}`,
  );
  return items.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));
}
