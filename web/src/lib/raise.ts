type Raised = { readonly alert: string } | { readonly refused: string; readonly isForbidden: boolean };

const timeoutMs = 12_000;

/** Raises an alert by hand (`POST /api/v1/alerts`); never rejects. The same `key` may be sent again: it is raised once. */
export async function raise(body: object, key: string): Promise<Raised> {
  try {
    const answer = await fetch('/api/v1/alerts', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const said = (await answer.json().catch(() => ({}))) as {
      readonly alert?: string;
      readonly detail?: string;
    };
    if ((answer.status === 201 || answer.status === 202) && said.alert !== undefined)
      return { alert: said.alert };
    const isForbidden = answer.status === 401 || answer.status === 403;
    return { refused: said.detail ?? `HTTP ${answer.status}`, isForbidden };
  } catch (error) {
    return { refused: error instanceof Error ? error.message : String(error), isForbidden: false };
  }
}
