/** One line of `atalaia doctor`. */
export interface Check {
  readonly status: 'ok' | 'warn' | 'fail';
  readonly name: string;
  readonly detail: string;
  /** What to do; there unless the status is ok. */
  readonly remedy?: string;
}

export const ok = (name: string, detail: string): Check => ({ status: 'ok', name, detail });
export const warn = (name: string, detail: string, remedy: string): Check => ({
  status: 'warn',
  name,
  detail,
  remedy,
});
export const fail = (name: string, detail: string, remedy: string): Check => ({
  status: 'fail',
  name,
  detail,
  remedy,
});

/** The check, or a failure under `name` with what was thrown. */
export async function tried(name: string, remedy: string, work: () => Promise<Check>): Promise<Check> {
  try {
    return await work();
  } catch (error) {
    return fail(name, reasonOf(error), remedy);
  }
}

/** The message of whatever was thrown; several tries of one connection carry theirs inside. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
}
