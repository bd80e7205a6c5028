import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { invariant } from '../src/lib/errors.ts';
import { median } from './figures.ts';
import { plainQueries, rowsOf } from './nexmark-check.ts';
import { nexmarkInput } from './nexmark-input.ts';
import { type Query, q5, q7, q11, q12 } from './nexmark-queries.ts';

// node bench/nexmark.ts [--events 1000000] [--rate 10000] [--runs 5] [--seed 1] [--out FILE]; pin it: taskset -c 1 node …

/** Events per second and core that Flink gets, thousands: GUIDE_V1.md and GUIDE_V2.md of nexmark/nexmark. */
const publishedThousands: Readonly<Record<string, { readonly v1: number; readonly v2: number }>> = {
  q5: { v1: 22.1, v2: 74.5 },
  q7: { v1: 12.3, v2: 22.9 },
  q11: { v1: 39.7, v2: 46.1 },
  q12: { v1: 75.7, v2: 194 },
};
const queries: Readonly<Record<string, Query>> = { q5, q7, q11, q12 };
const CHECKED_EVENTS = 60_000;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    rate: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
  },
});
const [events, rate, runs, seed] = [values.events, values.rate, values.runs, values.seed].map(Number) as [
  number,
  number,
  number,
  number,
];

invariant(rate <= 1e6, 'bids are told apart by their µs: --rate is at most 1,000,000 a second');

function timed(work: () => void): number {
  const from = performance.now();
  work();
  return performance.now() - from;
}

/** A port that gives other rows than the plain way gets no figure. Few events a second, so that windows and sessions end. */
function check(): void {
  for (const slow of [300, 2_000]) {
    const input = nexmarkInput({ events: Math.min(CHECKED_EVENTS, slow * 60), rate: slow, seed });
    for (const [name, query] of Object.entries(queries)) {
      const found = rowsOf(query, input);
      const wanted = rowsOf(plainQueries[name] as Query, input);
      const place = wanted.findIndex((row, i) => row !== found[i]);
      invariant(
        found.length === wanted.length && place < 0 && found.length > 0,
        `${name} at ${slow}/s: ${found.length} rows, not ${wanted.length}; first other "${found[place]}", not "${wanted[place]}"`,
      );
    }
  }
}

check();
const times = new Map(Object.keys(queries).map((name) => [name, [] as number[]]));
const generating: number[] = [];
const rows = new Map<string, number>();
let input = nexmarkInput({ events, rate, seed });
for (let run = 0; run < runs; run++) {
  generating.push(
    timed(() => {
      input = nexmarkInput({ events, rate, seed });
    }),
  );
  for (const [name, query] of Object.entries(queries)) {
    let count = 0;
    const ms = timed(() => query(input, () => count++));
    (times.get(name) as number[]).push(ms);
    rows.set(name, count);
    process.stderr.write(`run ${run + 1} ${name}: ${Math.round(ms)} ms, ${count} rows\n`);
  }
}
const round = (value: number): number => Math.round(value * 100) / 100;
const generateMs = median(generating);
const text = JSON.stringify(
  {
    events,
    rate,
    runs,
    seed,
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
    note: 'Flink ran on other hardware, with RocksDB or ForSt state and exactly-once checkpoints; ours holds state in memory and takes none. The ratio is an orientation, not a comparison.',
    generateMs: { median: round(generateMs), runs: generating.map(round) },
    queries: Object.fromEntries(
      [...times].map(([name, ms]) => {
        const thousands = events / median(ms);
        const withGenerator = events / (median(ms) + generateMs);
        const published = publishedThousands[name] as { v1: number; v2: number };
        return [
          name,
          {
            rows: rows.get(name),
            thousandEventsPerSecondPerCore: round(thousands),
            withGenerator: round(withGenerator),
            publishedFlink: published,
            ratioToV1: round(withGenerator / published.v1),
            ratioToV2: round(withGenerator / published.v2),
            runsMs: ms.map(round),
          },
        ];
      }),
    ),
  },
  null,
  2,
);
process.stdout.write(`${text}\n`);
if (values.out) writeFileSync(values.out, `${text}\n`);
