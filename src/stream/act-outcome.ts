import type { ActCommand, ActOutcome, Refusal } from '../model/act.ts';
import type { Effect } from '../model/effect.ts';

/** An act as the log brought it: its command's id and what it says. */
export interface GivenAct {
  readonly id: string;
  readonly command: ActCommand;
}

/** Tells what came of an act; `revision` is the alert's after it, null where it is not known. */
export function tellOutcome(
  emit: (effect: Effect) => void,
  {
    id,
    command,
  }: { readonly id: string; readonly command: Pick<ActOutcome, 'act' | 'alert' | 'by' | 'reason'> },
  clockAt: number,
  revision: number | null,
  refused?: Refusal,
): void {
  const { act, alert, by, reason } = command;
  const outcome: ActOutcome = {
    command: id,
    act,
    alert,
    by,
    ...(reason === undefined ? {} : { reason }),
    at: Number.isFinite(clockAt) ? clockAt : 0,
    revision,
    ...(refused === undefined ? {} : { refused }),
  };
  emit({ kind: 'act', outcome });
}
