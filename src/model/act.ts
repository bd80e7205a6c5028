import type { Text, WrittenText } from './language.ts';
import type { Level, Rule } from './rule.ts';
import type { Subject } from './subject.ts';

/**
 * What a person can do to an open alert. Of one that waits for approval: `approve`, `reject`, and `publish`, by which one
 * person alone lets it out and says why.
 */
export const actNames = ['acknowledge', 'edit', 'extend', 'cancel', 'approve', 'reject', 'publish'] as const;
export type ActName = (typeof actNames)[number];

/** The area that a person gave an alert: a radius, km, around its station, or a ring of `[latitude, longitude]`. */
export type EditedArea =
  | { readonly radiusKm: number }
  | { readonly polygon: readonly (readonly [number, number])[]; readonly name: string };

/** The act of a person on an alert, as a record of the log: it names the revision that the person saw. */
export interface ActCommand {
  readonly type: 'act';
  readonly act: ActName;
  readonly alert: string;
  readonly revision: number;
  readonly rule: string;
  readonly subject: Subject;
  /** Who acts. */
  readonly by: string;
  readonly reason?: string;
  /** `cancel`: it was a false alarm; what everybody who was told is told now, in each language. */
  readonly correction?: Text;
  /** `extend`: the later expiry, epoch ms. */
  readonly until?: number;
  /** `edit`. */
  readonly text?: WrittenText;
  readonly area?: EditedArea;
  readonly level?: Level;
}

/** An alert that a person raises. `rule` says what it is, in the place of a rule; its levels compare nothing. */
export interface RaiseCommand {
  readonly type: 'raise';
  readonly rule: Rule;
  readonly subject: Subject;
  readonly level: Level;
  readonly area?: EditedArea;
  /** Whole seconds, epoch ms: with rule and subject it makes the alert's id. */
  readonly at: number;
  readonly by: string;
  readonly reason?: string;
}

export const refusalNames = [
  'revision',
  'ended',
  'unknown',
  'busy',
  'not-later',
  'no-level',
  'no-draft',
  'author',
] as const;
/**
 * Why the fold did not do it: the alert has another revision by now; it has ended; its rule or subject is not here any
 * more; another act on it waits; the new expiry is not later; the rule has no such level; nothing waits for
 * approval; who wrote it cannot approve it.
 */
export type Refusal = (typeof refusalNames)[number];

/** What came of an act. The first outcome of a command counts; `revision` is the alert's after it, null: not known. */
export interface ActOutcome {
  /** Id of the command. */
  readonly command: string;
  readonly act: ActName | 'raise';
  readonly alert: string;
  readonly by: string;
  readonly reason?: string;
  /** Partition clock when folded, epoch ms. */
  readonly at: number;
  readonly revision: number | null;
  readonly refused?: Refusal;
}

/** Who made a revision, and why; stands at the revisions that people made. */
export interface RevisionAct {
  readonly command: string;
  readonly act: ActName | 'raise';
  readonly by: string;
  readonly reason?: string;
  readonly correction?: Text;
}

/** What people changed of an alert, kept for its later revisions. */
export interface PeopleChanges {
  /** The alert does not expire before, epoch ms. */
  readonly until?: number;
  readonly text?: WrittenText;
  readonly area?: EditedArea;
  /** The level that a person gave it, and the rule's own level then: indexes into the rule's levels. */
  readonly level?: number;
  readonly levelThen?: number;
}
