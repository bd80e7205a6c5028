import type { Ledger } from './ledger.ts';

const KEY = 'deliveries:hold';
const TRACE_KEY = 'deliveries:hold:trace';
/** Holds and releases that are remembered. */
const MAX_TRACE = 100;

/** A person's order that nothing is sent; reds go on unless `red`. */
export interface Hold {
  readonly by: string;
  readonly reason: string;
  /** Epoch ms. */
  readonly at: number;
  readonly red: boolean;
  /** Epoch ms: sending goes on by itself then. */
  readonly until?: number;
}

/** What a person ordered about sending; `by` is null where the server asks nobody who they are. */
export type HoldAct =
  | ({ readonly act: 'hold' } & Hold)
  | { readonly act: 'release'; readonly by: string | null; readonly at: number };

/** The hold in force at an instant, for every process that shares the ledger and across restarts. */
export async function readHold(ledger: Pick<Ledger, 'meta'>, now: number): Promise<Hold | null> {
  const text = await ledger.meta(KEY);
  const hold = text === undefined ? null : (JSON.parse(text) as Hold | null);
  return hold && isOver(hold, now) ? null : hold;
}

/** Whether a hold has ended by itself. */
export const isOver = ({ until }: Hold, now: number): boolean => until !== undefined && until <= now;

/** Holds all deliveries, or lets them go (null); dispatchers see it with their next look. */
export const putHold = (ledger: Pick<Ledger, 'putMeta'>, hold: Hold | null): Promise<void> =>
  ledger.putMeta(KEY, JSON.stringify(hold));

/** The newest holds and releases that people ordered, the newest first. */
export async function readHoldActs(ledger: Pick<Ledger, 'meta'>): Promise<readonly HoldAct[]> {
  return JSON.parse((await ledger.meta(TRACE_KEY)) ?? '[]') as HoldAct[];
}

/** Carries a hold or a release out and keeps who did it. */
export async function actOnHold(ledger: Pick<Ledger, 'meta' | 'putMeta'>, act: HoldAct): Promise<void> {
  const before = await readHoldActs(ledger);
  await ledger.putMeta(TRACE_KEY, JSON.stringify([act, ...before].slice(0, MAX_TRACE)));
  if (act.act === 'release') return putHold(ledger, null);
  const { act: _act, ...hold } = act;
  await putHold(ledger, hold);
}
