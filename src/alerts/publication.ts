import type { PeopleChanges, RevisionAct } from '../model/act.ts';
import type { AlertEventName, Draft } from '../model/alert.ts';
import type { Level, Review } from '../model/rule.ts';
import type { Decision } from './lifecycle.ts';
import type { PendingDraft, Publication, ToldAlert } from './told-alert.ts';

/** What makes a revision: an act of a person, the end of the time for approval, or the rule by itself. */
export interface Cause {
  readonly act?: Pick<RevisionAct, 'act' | 'by'>;
  readonly timeout?: Review['onTimeout'];
  /** The act is an edit of text or area. */
  readonly isEdit?: boolean;
}

/** How a revision is published: the event that its readers see, and what is known afterwards. */
export interface Published {
  readonly event: AlertEventName;
  /** Index of the level that readers saw before; null: none, or the level did not move. */
  readonly previous: number | null;
  /** Index of the level that they see. */
  readonly level: number;
  /** What people changed, as they see it. */
  readonly people: PeopleChanges;
  readonly draft?: Draft;
  readonly publication?: Publication;
}

type Shown = Pick<Published, 'event' | 'previous'>;

type Asked = 'automatic' | 'never' | Review | undefined;

const reviewOf = (given: Asked): Review | undefined =>
  given === 'automatic' || given === 'never' ? undefined : given;

/** What the public knew before this revision. */
function before(known: ToldAlert | null): Publication {
  // An ended alert that begins again is new to the public.
  if (!known) return { level: -1 };
  if (known.state === 'ended')
    return { level: -1, ...(known.publication?.isUnseen ? { isUnseen: true } : {}) };
  const { level, people } = known;
  return known.publication ?? { level, ...(people ? { people } : {}) };
}

/**
 * Whether a revision is public or waits for a second person (design section 7). One that lowers or repeats what is public
 * needs nobody; one that raises the level, or in which a person changed text or area, waits where the rule asks for it,
 * and what was public stays so meanwhile. An end needs nobody: it is public when the alert was.
 */
export function publish(
  known: ToldAlert | null,
  decision: Decision,
  levels: readonly Level[],
  given: Asked,
  cause: Cause,
  people: PeopleChanges | undefined,
  clockAt: number,
): Published {
  const review = reviewOf(given);
  const shown = before(known);
  const own = { ...ownEvent(known, decision), level: decision.level, people: people ?? {} };
  if (given === 'never') return { ...own, draft: { waits: false, authors: [] } };
  if (!review && !known?.publication) return own;
  if (decision.event === 'ended') {
    // What was never approved does not leave with the end either.
    const isOpen = shown.draft !== undefined && shown.level >= 0;
    const seen = isOpen ? { ...own, level: shown.level, people: shown.people ?? {} } : own;
    if (shown.level >= 0) return { ...seen, publication: { level: -1 } };
    return {
      ...own,
      draft: { waits: false, authors: shown.draft?.authors ?? [] },
      publication: { level: -1, isUnseen: true },
    };
  }
  if (cause.act?.act === 'reject') {
    const { draft: _, ...rest } = shown;
    return { ...own, draft: { waits: false, authors: [] }, publication: rest };
  }
  const isLetOut =
    cause.act?.act === 'approve' || cause.act?.act === 'publish' || cause.timeout === 'publish';
  const draft = isLetOut ? undefined : draftOf(shown, decision, levels, review, cause, clockAt);
  if (draft) {
    const { isEdit: _, ...rest } = draft;
    return { ...own, draft: { waits: true, ...rest }, publication: { ...shown, draft } };
  }
  const publication = { level: decision.level, ...(people ? { people } : {}) };
  return { ...own, ...(shown.draft || shown.isUnseen ? publicEvent(shown, decision) : {}), publication };
}

function draftOf(
  shown: Publication,
  { level }: Decision,
  levels: readonly Level[],
  review: Review | undefined,
  { act, timeout, isEdit = false }: Cause,
  clockAt: number,
): PendingDraft | undefined {
  const { draft } = shown;
  if (draft && timeout === 'escalate') {
    const within = Math.max(1, review?.withinMs ?? draft.dueAt - draft.sinceAt);
    return { ...draft, overdue: draft.overdue + 1, dueAt: Math.max(draft.dueAt, clockAt) + within };
  }
  if (!review?.levels.includes(levels[level] as Level)) return undefined;
  const hasEdit = isEdit || draft?.isEdit === true;
  if (level <= shown.level && !hasEdit) return undefined;
  const authors = draft?.authors ?? [];
  const writes = act?.act === 'edit' || act?.act === 'raise';
  return {
    sinceAt: draft?.sinceAt ?? clockAt,
    // What grows worse while it waits does not wait longer.
    dueAt: draft?.dueAt ?? clockAt + review.withinMs,
    onTimeout: review.onTimeout,
    overdue: draft?.overdue ?? 0,
    authors: writes && !authors.includes(act.by) ? [...authors, act.by] : authors,
    isEdit: hasEdit,
  };
}

/** The event as the rule or the person made it. */
function ownEvent(known: ToldAlert | null, { event }: Decision): Shown {
  const hasMoved = event === 'escalated' || event === 'de-escalated';
  return { event, previous: hasMoved && known ? known.level : null };
}

/** The same to those who have not seen what waited. */
function publicEvent(shown: Publication, { event, level }: Decision): Shown {
  if (shown.level < 0) return { event: 'raised', previous: null };
  if (level === shown.level)
    return { event: event === 'escalated' || event === 'de-escalated' ? 'updated' : event, previous: null };
  return { event: level > shown.level ? 'escalated' : 'de-escalated', previous: shown.level };
}
