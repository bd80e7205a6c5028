import { RETENTION_MS } from '../alerts/foreign/facts.ts';
import { KEEP_MS } from '../alerts/foreign/state.ts';
import type { Metrics } from './health/metrics.ts';
import { Upkeep } from './lake/upkeep.ts';
import type { Processor } from './processor/processor.ts';
import type { CommandRelay } from './relay.ts';
import type { Stores } from './stores/stores.ts';
import type { Stops, SystemOptions } from './system-options.ts';

const PRUNE_EVERY_MS = 30_000;

/**
 * Now and then lets go of checkpoints and log that nothing needs any more, appends commands that the log did not take
 * when they came, and puts a new climatology in force; the returned function ends it.
 */
function pruneRegularly(
  processor: Processor,
  relay: CommandRelay,
  { shared, ledger }: Stores,
  { clock, log }: SystemOptions,
): () => void {
  const prune = (): void => {
    const pruned = [
      processor.prune(),
      ledger.pruneForeign(clock.now() - KEEP_MS, clock.now() - RETENTION_MS),
    ];
    for (const one of pruned) one.catch((error) => log.warn({ err: error }, 'pruning failed'));
    // A climatology made beside running processes is put in force by one of them.
    const put = (): Promise<void> => relay.putClimatology();
    void relay
      .relay()
      .then(() => shared?.exclusively(put) ?? put())
      .catch((error) => log.warn({ err: error }, 'commands wait for the log'));
  };
  const timer = setInterval(prune, PRUNE_EVERY_MS);
  return () => clearInterval(timer);
}

/** What is done now and then. Lake and retention: where processes share the archive, by the one that holds the first partition. */
export function startChores(
  options: SystemOptions,
  stores: Stores,
  processor: Processor,
  relay: CommandRelay,
  metrics: Metrics,
  stops: Stops,
): () => void {
  const { config, clock, log } = options;
  const isMine = (): boolean => stores.shared === null || processor.held.includes(0);
  const upkeep = new Upkeep({
    config,
    clock,
    log,
    metrics,
    archive: stores.archive,
    ledger: stores.ledger,
    isMine,
  });
  stops.unshift(() => upkeep.stop());
  upkeep.start();
  return pruneRegularly(processor, relay, stores, options);
}
