import type { Random } from '../lib/random.ts';

/** Bounds of a back-off, ms. */
export interface BackoffBounds {
  readonly baseMs: number;
  readonly capMs: number;
}

export const defaultBackoff: BackoffBounds = { baseMs: 1000, capMs: 5 * 60_000 };

/**
 * Exponential back-off with full jitter: uniform in [0, min(cap, base × 2^(attempt-1))), but never under a tenth of it,
 * so that a crowd spreads and nobody hammers. `attempt` counts from 1.
 * Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
 */
export function backoffMs(attempt: number, random: Random, bounds: BackoffBounds = defaultBackoff): number {
  const ceiling = Math.min(bounds.capMs, bounds.baseMs * 2 ** Math.min(40, Math.max(0, attempt - 1)));
  return Math.max(Math.ceil(ceiling / 10), Math.floor(random() * ceiling));
}
