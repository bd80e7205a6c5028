import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import type { Report } from '../../src/model/report.ts';
import { MINUTE_MS } from '../../src/model/time.ts';
import { loadRules } from '../../src/rules/rule-set.ts';
import { pause } from './server.ts';
import { type Disturbed, randomFeed, runWorkers, undisturbed } from './workers-run.ts';

const seed = Number(process.env.ATALAIA_TEST_SEED ?? Date.now() % 1_000_000);

/** The system's clock until it is hurried: then each span that somebody waits for takes a fiftieth. */
class HurriedClock implements Clock {
  #skippedMs = 0;
  pace = 1;
  now(): number {
    return systemClock.now();
  }
  monotonicMs(): number {
    return systemClock.monotonicMs() + this.#skippedMs;
  }
  after(ms: number, callback: () => void): () => void {
    const { pace } = this;
    return systemClock.after(ms / pace, () => {
      this.#skippedMs += ms - ms / pace;
      callback();
    });
  }
}

/** Costly rules, so that a second of work is few records: a trend has to look at every reading of a day. */
const costly = Array.from(
  { length: 40 },
  (_, i) => `rule: umidade-${i}
hazard: humidity
levels:
  yellow: trend(relativeHumidity, 24h) >= ${1 + i / 10} %/h
clear: trend(relativeHumidity, 24h) < ${i / 10} %/h
coverage: 0 %
expires: 1h
`,
);

/** Feeds as fast as the fold takes it at first, then four times that (later more) until a second thread is there. */
class Load {
  #beganAt = 0;
  fed: Report[] = [];
  most = 1;
  #perSecond = 0;
  #loadedAt = 0;
  #loaded = 0;

  async next({ pipeline }: Disturbed, reports: readonly Report[]): Promise<boolean> {
    this.most = Math.max(this.most, pipeline.processor.workers);
    if (this.#loadedAt === 0) {
      await pipeline.caughtUp('ledger');
      expect(pipeline.processor.workers).toBe(1);
      // From when the threads are warm.
      this.#beganAt ||= performance.now();
      if (performance.now() - this.#beganAt > 3000 && this.#loaded > 0) this.#begin();
    } else if (this.most > 1) return false;
    else {
      // A machine that was busy while it measured is given more, so that the test does not hang on that moment.
      const hurry = (): number => 4 * 2 ** Math.floor((performance.now() - this.#loadedAt) / 8000);
      const due = (): number => (hurry() * this.#perSecond * (performance.now() - this.#loadedAt)) / 1000;
      while (this.#loaded > due()) await pause(5);
    }
    this.#loaded += reports.length;
    this.fed.push(...reports);
    return true;
  }

  #begin(): void {
    this.#loadedAt = performance.now();
    this.#perSecond = (this.#loaded * 1000) / (this.#loadedAt - this.#beganAt);
    this.#loaded = 0;
  }
}

test(`four times the load: workers rise, the lag drains, workers fall, nothing is lost, seed ${seed}`, async () => {
  const { rules, problems } = loadRules(costly.map((text, i) => ({ path: `${i}.yaml`, text })));
  expect(problems).toEqual([]);
  const feed = { ...randomFeed(seed, 12_000, 40), rules };
  const clock = new HurriedClock();
  const load = new Load();
  const seen = { lagAtMost: 0, lagAtEnd: -1, workersAtEnd: 0, threadsAtEnd: 0 };
  let events: Disturbed['events'] = [];
  const stored = await runWorkers({
    ...feed,
    ...{ partitions: 8, workers: 1, checkpointEveryMs: 1000, elastic: { max: 3, clock } },
    pace: async (run, reports) => {
      seen.lagAtMost = Math.max(seen.lagAtMost, await run.pipeline.log.lag('processor'));
      return load.next(run, reports);
    },
    afterwards: async ({ pipeline, threads, events: told }) => {
      seen.lagAtEnd = await pipeline.log.lag('processor');
      clock.pace = 50;
      // An hour of its time at most; a minute and a half is enough for each worker.
      const end = clock.monotonicMs() + 60 * MINUTE_MS;
      while (pipeline.processor.workers > 1 && clock.monotonicMs() < end) await pause(20);
      seen.workersAtEnd = pipeline.processor.workers;
      while (threads.length > 1) await pause(5);
      seen.threadsAtEnd = threads.length;
      events = told;
    },
  });
  const scaled = events.flatMap((event) => (event.kind === 'scaled' ? [event.to - event.from] : []));
  expect(load.most).toBeGreaterThan(1);
  expect(seen).toMatchObject({ lagAtEnd: 0, workersAtEnd: 1, threadsAtEnd: 1 });
  expect(seen.lagAtMost).toBeGreaterThan(100);
  expect([scaled[0], scaled.at(-1), scaled.reduce((sum, by) => sum + by)]).toEqual([1, -1, 0]);
  expect(stored).toEqual(undisturbed({ ...feed, reports: load.fed }));
});
