import { AtalaiaError } from '../../../lib/errors.ts';

/**
 * What a failure of the server means for the caller. `lost`: the connection, or the server itself, went away; a COMMIT
 * under way may or may not stand. `contended`: the server rolled back because of others (deadlock, lock or statement
 * timeout). `failed`: repeating does not help.
 */
export type FailureKind = 'lost' | 'contended' | 'failed';

/** SQLSTATE of PostgreSQL ("PostgreSQL Error Codes", appendix A): connection exceptions, shutdowns, too many clients, failover. */
const lostStates = /^(08...|57P0[1-5]|53300|25006|25P03)$/;
/** Serialization failure, deadlock, lock not available, statement timeout. */
const contendedStates = /^(40001|40P01|55P03|57014)$/;
/** Wrong password, unknown role or database. */
const configurationStates = /^(28...|3D000)$/;
const lostSystemCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);
/** The client's own words where it gives no code. */
const lostMessages =
  /Connection terminated|connection error and is not queryable|timeout exceeded when trying to connect|Query read timeout|server closed the connection|timeout expired/;

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? '');
export const textOf = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(textOf).join('; ');
  return error instanceof Error ? error.message : String(error);
};

/** The SQLSTATE of a server's refusal, or an empty text. */
export const sqlStateOf = (error: unknown): string => codeOf((error as AtalaiaError).cause ?? error);

export function kindOf(error: unknown): FailureKind {
  if (error instanceof AtalaiaError) return 'failed';
  const code = codeOf(error);
  if (lostStates.test(code) || lostSystemCodes.has(code) || lostMessages.test(textOf(error))) return 'lost';
  return contendedStates.test(code) ? 'contended' : 'failed';
}

/** The failure as the port shows it; `place` names the database without its password. */
export function storeError(place: string, cause: unknown, isOutcomeUnknown: boolean): AtalaiaError {
  if (cause instanceof AtalaiaError) return cause;
  const text = textOf(cause);
  const kind = kindOf(cause);
  if (kind === 'contended') {
    const message = `${place} was kept waiting by other transactions (${text}). Nothing was written; try again, and look for long transactions in pg_stat_activity.`;
    return new AtalaiaError('ATL_BUSY', message, { cause });
  }
  if (kind === 'lost') {
    const outcome = isOutcomeUnknown
      ? 'A write under way may or may not stand; a repeat is safe, positions and keys make it a no-op.'
      : 'Nothing was written.';
    const message = `${place} cannot be reached (${text}). ${outcome} Check that the server runs and accepts connections.`;
    return new AtalaiaError('ATL_STORE', message, { cause });
  }
  if (configurationStates.test(codeOf(cause))) {
    const message = `${place} refuses us: ${text}. Check user, password and database name in the address.`;
    return new AtalaiaError('ATL_CONFIG', message, { cause });
  }
  const message = `${place} failed: ${text} (SQLSTATE ${codeOf(cause) || 'none'}). Check the server's log, disk space and rights.`;
  return new AtalaiaError('ATL_STORE', message, { cause });
}
