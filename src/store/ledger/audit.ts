import { createHash } from 'node:crypto';
import type { ActOutcome } from '../../model/act.ts';
import type { AlertRevision } from '../../model/alert.ts';

/** Who did what, when and why. */
export interface AuditNote {
  /** Epoch ms. */
  readonly at: number;
  readonly by: string;
  /** `alert.cancel`, `putSilence`, `user.add`. */
  readonly action: string;
  /** The alert, silence, user or path that it was done to. */
  readonly subject: string;
  readonly reason?: string;
  /** Why it was not done. */
  readonly refused?: string;
  /** Plain JSON. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** A note as it stands in the log. `json` is canonical: its bytes are what the hash is taken of. */
export interface AuditEntry {
  readonly number: number;
  readonly json: string;
  readonly hash: string;
}

/** The audit log: only added to. Part of the ledger port. */
export interface AuditStore {
  /** Appends notes in one transaction. Acts on alerts are appended by the commit that brings their outcome. */
  record(notes: readonly AuditNote[]): Promise<void>;
  /** With `after`, entries from there on, ascending; else the newest before `before`, descending. At most `limit`. */
  audit(page: {
    readonly after?: number;
    readonly before?: number;
    readonly limit: number;
  }): Promise<readonly AuditEntry[]>;
}

/** The hash before the first entry. */
export const NO_HASH = '0'.repeat(64);

/** JSON with the keys of every object in order, without white space. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    part === null || typeof part !== 'object' || Array.isArray(part)
      ? part
      : Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))),
  );

const hashOf = (previous: string, json: string): string =>
  createHash('sha256').update(previous).update(json).digest('hex');

/** Notes as the entries that follow one with that number and hash. */
export function chain(
  notes: readonly AuditNote[],
  last: { readonly number: number; readonly hash: string },
): AuditEntry[] {
  let { number, hash } = last;
  return notes.map((note) => {
    number++;
    const json = canonical({ number, ...note });
    hash = hashOf(hash, json);
    return { number, json, hash };
  });
}

/** What was found of a log: how long it is and its last hash, or the first entry that does not fit and why. */
export type Verification =
  | { readonly entries: number; readonly head: string; readonly knows: boolean }
  | { readonly broken: number; readonly why: string };

const PAGE = 1000;

/**
 * Walks the log from its beginning. `head`: a hash noted before, which must still stand in it (`knows`): who cuts the end
 * off leaves a log that is whole but shorter.
 */
export async function verifyAudit(store: Pick<AuditStore, 'audit'>, head?: string): Promise<Verification> {
  let last = { number: 0, hash: NO_HASH };
  let knows = head === undefined;
  for (;;) {
    const page = await store.audit({ after: last.number, limit: PAGE });
    for (const entry of page) {
      const broken = last.number + 1;
      if (entry.number !== broken) return { broken, why: `entry ${broken} is missing` };
      if (hashOf(last.hash, entry.json) !== entry.hash)
        return { broken, why: 'its text does not fit its hash' };
      const { number } = JSON.parse(entry.json) as { readonly number: unknown };
      if (number !== broken) return { broken, why: 'it is the text of another entry' };
      knows ||= entry.hash === head;
      last = entry;
    }
    if (page.length < PAGE) return { entries: last.number, head: last.hash, knows };
  }
}

/** What a person did, or was refused, as the fold found it. */
export const actNote = ({
  act,
  alert,
  by,
  reason,
  at,
  revision,
  refused,
  command,
}: ActOutcome): AuditNote => ({
  at,
  by,
  action: `alert.${act}`,
  subject: alert,
  ...(reason === undefined ? {} : { reason }),
  ...(refused === undefined ? {} : { refused }),
  detail: { command, revision },
});

/** What the clock let out in place of a person; undefined: nothing. */
export const timeoutNote = ({ event, publishedBy }: AlertRevision): AuditNote | undefined =>
  publishedBy && {
    at: event.issuedAt,
    by: 'clock',
    action: 'alert.publish',
    subject: event.alert,
    reason: 'nobody approved it in time',
    detail: { revision: event.revision },
  };
