import { type Clock, sleep } from '../lib/clock.ts';
import type { Intake } from './intake/intake.ts';
import type { Player } from './player.ts';
import { Assignment } from './processor/assignment.ts';
import type { Processor } from './processor/processor.ts';
import type { RevisionFeed } from './revision-feed.ts';
import type { Stores } from './stores/stores.ts';
import type { SystemOptions } from './system-options.ts';

const CATCH_UP_MS = 50;
/** What other processes committed, registered or played is looked for this often. */
const FOLLOW_MS = 500;
/** The process that holds this partition plays the recording. */
const PLAYERS_PARTITION = 0;

/** A recording ends when the fold has caught up with it: what was appended last is told too. False when it was stopped. */
export async function playToEnd(
  player: Player,
  { log, ledger, shared }: Stores,
  processor: Processor,
  clock: Clock,
): Promise<boolean> {
  const mayPlay = (): boolean => !shared || processor.held.includes(PLAYERS_PARTITION);
  const playedTo = async (): Promise<number> =>
    Math.max(...(await ledger.positions()).map(({ clockAt }) => clockAt), player.state.startAt);
  if (!shared) await player.play();
  while (!player.isStopped) {
    // A log that cannot say it just now is asked again.
    const lag = player.state.state === 'finished' ? await log.lag('processor').catch(() => null) : null;
    if (lag === 0) return true;
    if (player.state.state === 'playing') {
      const at = await playedTo();
      if (mayPlay()) await player.play(mayPlay, at);
      else player.follow(at);
    }
    await sleep(clock, player.state.state === 'finished' ? CATCH_UP_MS : FOLLOW_MS);
  }
  return false;
}

/** Takes up what other processes of the same stores commit and register; the returned function ends it. */
export function followOthers(
  { clock, log }: SystemOptions,
  { ledger }: Stores,
  feed: RevisionFeed,
  intake: Intake,
): () => void {
  const failed = (error: unknown): void =>
    log.warn({ err: error }, 'what other processes did is not known; looked for again');
  feed.follow(clock, FOLLOW_MS, failed);
  let cancel: (() => void) | null = null;
  let known: string | undefined;
  const look = async (): Promise<void> => {
    const now = await ledger.meta('in-force:stations');
    if (now !== known) await intake.refresh();
    known = now;
  };
  const next = (): void => {
    cancel = clock.after(FOLLOW_MS, () => {
      void look()
        .catch(failed)
        .then(() => cancel && next());
    });
  };
  next();
  return () => {
    feed.stop();
    cancel?.();
    cancel = null;
  };
}

/** Partitions come and go as the log's broker says, where there is one. */
export function openAssignment(
  { clock, log, onFatal }: SystemOptions,
  { shared }: Stores,
  processor: Processor,
): Assignment | null {
  if (!shared) return null;
  return new Assignment({
    membership: shared.membership,
    processor,
    clock,
    onEvent: (event) => {
      if (event.kind === 'fenced')
        log.warn({ partition: event.partition }, 'another process took the partition over');
      else log.info({ partitions: event.partitions }, `partitions ${event.kind}`);
    },
    onFailure: onFatal,
  });
}
