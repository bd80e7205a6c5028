/**
 * Every failure a user can meet has a code here; `docs/errors.md` lists them with their remedies.
 * The message names the place and says what to do.
 */
export const errorCodes = {
  ATL_USAGE: { exit: 2, http: 400 },
  ATL_CONFIG: { exit: 78, http: 500 },
  ATL_INPUT: { exit: 1, http: 422 },
  ATL_RULE: { exit: 1, http: 422 },
  ATL_UNREADABLE: { exit: 1, http: 400 },
  ATL_TOO_LARGE: { exit: 1, http: 413 },
  ATL_UNSUPPORTED_MEDIA: { exit: 1, http: 415 },
  ATL_UNAUTHORIZED: { exit: 1, http: 401 },
  ATL_NOT_FOUND: { exit: 1, http: 404 },
  ATL_CONFLICT: { exit: 1, http: 409 },
  ATL_BUSY: { exit: 1, http: 503 },
  ATL_LOG_CLOSED: { exit: 1, http: 503 },
  ATL_LOG_DAMAGED: { exit: 1, http: 503 },
  ATL_LOG_FULL: { exit: 1, http: 503 },
  ATL_LOG_GAP: { exit: 1, http: 503 },
  ATL_FENCED: { exit: 1, http: 503 },
  ATL_STORE: { exit: 1, http: 503 },
  ATL_STORE_VERSION: { exit: 78, http: 503 },
  ATL_CHECKPOINT_DAMAGED: { exit: 1, http: 503 },
  ATL_CAP_INVALID: { exit: 1, http: 500 },
  ATL_DELIVERY: { exit: 1, http: 502 },
  ATL_ADDRESS_TAKEN: { exit: 1, http: 500 },
  ATL_BUG: { exit: 1, http: 500 },
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** The one error class: a code from {@link errorCodes}, a sentence with place and remedy, the cause. */
export class AtalaiaError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'AtalaiaError';
    this.code = code;
  }
}

/** A fence refused the write: another process has the partition, or had it meanwhile. */
export const isFenced = (error: unknown): boolean =>
  error instanceof AtalaiaError && error.code === 'ATL_FENCED';

/** What must be true whatever the input; a failure is a defect of ours, never of the user's. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AtalaiaError('ATL_BUG', `Internal error: ${message}. Please report it.`);
}
