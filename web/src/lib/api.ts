import type { ObservationItem, Page } from './contract.ts';

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

async function request(path: string, accept: string): Promise<Response> {
  const response = await fetch(base + path, { headers: { accept }, signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new HttpError(path, response.status);
  return response;
}

/** GET of a JSON resource under /api/v1; throws HttpError, TypeError (no connection) or TimeoutError. */
export const getJson = async <T>(path: string): Promise<T> =>
  (await (await request(path, 'application/json')).json()) as T;

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

/** Observations of a station in `(from, to]`, ascending by instant. */
export async function getObservations(station: string, from: number, to: number): Promise<ObservationItem[]> {
  const query = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
  const items = await getAll<ObservationItem>(
    `/stations/${encodeURIComponent(station)}/observations?${query}`,
  );
  return items.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));
}
