import { changeFeedState } from '../../store/ledger/foreign-feed.ts';
import { liveSourcesOf } from '../config/source-config.ts';
import { appendForecasts } from '../intake/forecast-intake.ts';
import type { ApiParts } from '../serve.ts';
import { SourceIntake, tellSeldom } from './intake.ts';
import { Sources } from './sources.ts';

/** Takes in what brokers bring; closed before the log, so that nothing is acknowledged that the log does not have. */
export async function openSources(
  parts: Pick<ApiParts, 'options' | 'stores' | 'intake' | 'metrics' | 'now'>,
): Promise<{ close(): Promise<void> }> {
  const { stores, intake, metrics, now } = parts;
  const { config, clock, random, log } = parts.options;
  const taking = new SourceIntake({
    ledger: stores.ledger,
    append: (reports) => intake.append(reports),
    forecast: (forecasts) =>
      appendForecasts(forecasts, {
        log: stores.log,
        intake,
        now,
        onCounted: (what, by) => metrics.counted(what, by),
      }),
    stationInterval: (id) => intake.station(id)?.intervalMs,
    onFuture: (id, observedAt) => intake.clocks.seen(id, observedAt, now()),
    clock,
    now,
    onCounted: (what, by) => metrics.counted(what, by),
    onEvent: tellSeldom(clock, (event, unsaid) => log.warn({ ...event, unsaid }, `source: ${event.kind}`)),
  });
  const sources = await Sources.open({
    sources: liveSourcesOf(config),
    take: (message) => taking.take(message),
    log,
    clock,
    random,
    cursor: {
      load: async (source) => {
        const at = await stores.ledger.meta(`cursor:${source}`);
        return at === undefined ? null : Number(at);
      },
      save: (source, at) => stores.ledger.putMeta(`cursor:${source}`, String(at)),
      loadMark: (name) => stores.ledger.meta(`mark:${name}`),
      saveMark: (name, mark) => stores.ledger.putMeta(`mark:${name}`, mark),
    },
    foreign: {
      put: (facts) => stores.ledger.putForeign(facts),
      saveState: (feed, change) => changeFeedState(stores.ledger, feed, change),
    },
    onState: (source, isUp) => metrics.source(source, isUp),
    onCounted: (what, by) => metrics.counted(what, by),
  });
  return {
    async close() {
      taking.stop();
      await sources.close();
    },
  };
}
