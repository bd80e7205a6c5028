import type { ReadAlert } from './message.ts';
import type { Finding } from './verdict.ts';

/** A rule that no XSD can say. `check` gives a reason for each breach. */
export interface CapRule {
  /** Section of CAP-v1.2-os and element, or the profile. */
  readonly clause: string;
  readonly verdict: Finding['verdict'];
  /** The verdict when the message is no warning to act on (any status but Actual), where it is milder. */
  readonly drill?: Finding['verdict'];
  readonly check: (alert: ReadAlert) => readonly string[];
}
