import { isSelfTest } from '../../model/self-test.ts';
import { openAssignment } from '../cluster.ts';
import { guaranteesOf, workersOf } from '../config/config.ts';
import type { DocumentCache } from '../documents.ts';
import type { Metrics } from '../health/metrics.ts';
import type { RevisionFeed } from '../revision-feed.ts';
import type { Stores } from '../stores/stores.ts';
import type { SystemOptions } from '../system-options.ts';
import type { Assignment } from './assignment.ts';
import { Processor } from './processor.ts';

/** The processor, and what tells it which partitions are its own where others share the log. */
export function openFolding(
  options: SystemOptions,
  stores: Stores,
  documents: DocumentCache,
  feed: RevisionFeed,
  metrics: Metrics,
): { readonly processor: Processor; readonly assignment: Assignment | null } {
  const to: { assignment: Assignment | null } = { assignment: null };
  const processor = openProcessor(options, stores, documents, feed, metrics, (partition) =>
    to.assignment?.fenced(partition),
  );
  to.assignment = openAssignment(options, stores, processor);
  feed.on(({ revision: { event }, position }) => {
    // Each process counts what it folded: the sum over all of them is right.
    if (isSelfTest(event)) return;
    if (!stores.shared || processor.held.includes(Number.parseInt(position, 10)))
      metrics.event(event.event, event.level);
  });
  return { processor, assignment: to.assignment };
}

function openProcessor(
  { config, log, onFatal }: SystemOptions,
  stores: Stores,
  documents: DocumentCache,
  feed: RevisionFeed,
  metrics: Metrics,
  onFenced: (partition: number) => void,
): Processor {
  return new Processor({
    ...stores,
    onFenced: stores.shared ? onFenced : undefined,
    documents,
    latenessMs: config.pipeline.lateness,
    everyMs: config.pipeline.mode === 'streaming' ? 0 : config.pipeline.every,
    checkpointEveryMs: config.pipeline.checkpointEvery,
    guarantees: guaranteesOf(config),
    workers: {
      ...workersOf(config),
      onEvent: (event) => {
        if (event.kind === 'replaced') {
          metrics.workerRestarted();
          log.error({ err: event.cause }, 'a fold worker ended and was replaced');
        } else log.info({ from: event.from, to: event.to }, 'fold workers follow the lag');
      },
    },
    onCommitted: () =>
      void feed.pump().catch((error) => log.warn({ err: error }, 'revisions not told to listeners')),
    onCounted: (what, by) => metrics.counted(what, by),
    onArchiveOutage: (error) => {
      if (error === null) log.warn({}, 'the archive is written again');
      else log.error({ err: error }, 'the archive cannot be written; tried again, alerts go on meanwhile');
    },
    onFailure: (error) => {
      if (isSkip(error)) log.error({ err: error }, 'record or revision skipped');
      else onFatal(error);
    },
    // Alerts go on while S3 is away: the log keeps what the next checkpoint would have.
    onCheckpointFailure: config.checkpoints
      ? (error) => log.error({ err: error }, 'checkpoint not kept; tried again')
      : undefined,
  });
}

const isSkip = (error: unknown): boolean =>
  error instanceof Error && /was (skipped|passed over)/.test(error.message);
