import type { AlertRevision } from './alert.ts';
import type { Observation } from './observation.ts';

/** What the fold of one record says must happen: rows, never calls. */
export type Effect =
  | { readonly kind: 'alert'; readonly revision: AlertRevision }
  | { readonly kind: 'observation'; readonly observation: Observation }
  | {
      readonly kind: 'counted';
      readonly what: 'repeat' | 'stale-repeat' | 'beyond-lateness' | 'future' | 'unknown-station' | 'skipped';
    };
