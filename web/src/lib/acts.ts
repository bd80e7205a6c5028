import type { Dictionary } from '../i18n/dictionary.ts';
import type { AlertItem, Level, Text } from './contract.ts';

/** What a person does to an alert (`POST /api/v1/alerts/{id}/{act}`). */
export type Act =
  | { readonly name: 'acknowledge' }
  | {
      readonly name: 'edit';
      readonly text?: string | Text;
      readonly level?: Level;
      readonly area?: { readonly radiusKm: number };
    }
  | { readonly name: 'extend'; readonly until: string; readonly reason: string }
  | { readonly name: 'cancel'; readonly reason: string; readonly correction?: true }
  | { readonly name: 'reject' | 'publish'; readonly reason: string }
  | { readonly name: 'approve' };

/** `second`: another person has to do it. */
export type ActResult = 'done' | 'taken' | 'changed' | 'forbidden' | 'second' | { readonly refused: string };

/** What came of an act, in words. */
export const actWords = (result: ActResult, t: Dictionary): string =>
  typeof result === 'object'
    ? t.actRefused(result.refused)
    : {
        done: t.actDone,
        taken: t.actTaken,
        changed: t.actChanged,
        forbidden: t.actForbidden,
        second: t.actSecond,
      }[result];

const timeoutMs = 12_000;

/**
 * Sends an act on the revision that the person saw; never rejects. The same `key` may be sent again after a failure of the
 * connection: it is done once.
 */
export async function sendAct(
  { alert, revision }: Pick<AlertItem, 'alert' | 'revision'>,
  { name, ...body }: Act,
  key: string,
): Promise<ActResult> {
  try {
    const answer = await fetch(`/api/v1/alerts/${encodeURIComponent(alert)}/${name}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'if-match': `"${revision}"`,
        'idempotency-key': key,
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (answer.status === 200) return 'done';
    if (answer.status === 202) return 'taken';
    if (answer.status === 403 && name === 'approve') return 'second';
    if (answer.status === 401 || answer.status === 403) return 'forbidden';
    if (answer.status === 409) return 'changed';
    const problem = (await answer.json().catch(() => ({}))) as { readonly detail?: string };
    return { refused: problem.detail ?? `HTTP ${answer.status}` };
  } catch (error) {
    return { refused: error instanceof Error ? error.message : String(error) };
  }
}

/** The alerts of the queue: those that wait first, the worst first, then the newest. */
export function inQueue<T extends { readonly level: Level; readonly issuedAt: string }>(
  alerts: readonly T[],
): T[] {
  const rank = { yellow: 1, orange: 2, red: 3 } as const;
  return alerts.toSorted(
    (a, b) => rank[b.level] - rank[a.level] || Date.parse(b.issuedAt) - Date.parse(a.issuedAt),
  );
}
