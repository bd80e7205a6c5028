/** An item of `GET /api/v1/handovers`. */
export interface HandoverItem {
  readonly id: string;
  readonly author: string;
  readonly at: string;
  readonly text: string;
  readonly alerts: readonly string[];
}

const timeoutMs = 12_000;

/** Leaves a note to the next shift; never rejects: resolves with what was wrong, null when nothing was. */
export async function leaveNote(body: object, key: string): Promise<string | null> {
  try {
    const answer = await fetch('/api/v1/handovers', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (answer.status === 201) return null;
    const { detail } = (await answer.json().catch(() => ({}))) as { readonly detail?: string };
    return detail ?? `HTTP ${answer.status}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
