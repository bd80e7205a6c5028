// The peers' job in RxJS: node main.mjs INPUT OUTPUT PASSES STATIONS [idiomatic|tuned]
import { createReadStream, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

// The packages lie in a folder outside the repository: PEER_HOME/rxjs/node_modules.
const require = createRequire(join(process.env.PEER_HOME ?? import.meta.dirname, 'rxjs', 'package.json'));
const { from, lastValueFrom } = require('rxjs');
const {
  concatMap,
  distinctUntilChanged,
  filter,
  groupBy,
  map,
  mergeMap,
  pairwise,
  scan,
  startWith,
  toArray,
} = require('rxjs/operators');

const [input, output, passes, , style = 'idiomatic'] = process.argv.slice(2);
const MINUTE = 60_000;
const levelNames = ['none', 'yellow', 'orange', 'red'];

/** Sums are in tenths: exact. `compare` is given what the window holds and one threshold in tenths. */
const rules = [
  ['rain-1h', 'rainfall', 60, 'sum', [200, 300, 600], (a, t) => a.sum >= t],
  ['rain-3h', 'rainfall', 180, 'sum', [400, 600, 900], (a, t) => a.sum >= t],
  ['gust-1h', 'windGust', 60, 'max', [170, 250, 330], (a, t) => a.max >= t],
  ['heat-3h', 'airTemperature', 180, 'sum', [340, 370, 400], (a, t) => a.sum >= t * a.count],
  ['cold-1h', 'airTemperature', 60, 'max', [30, 0, -30], (a, t) => a.max <= t],
  ['dry-3h', 'relativeHumidity', 180, 'sum', [300, 200, 120], (a, t) => a.sum <= t * a.count],
];

const tenths = (value) => Math.round(value * 10);
const levelOf = (aggregate, thresholds, compare) => {
  let level = 0;
  for (const threshold of thresholds) if (compare(aggregate, threshold)) level++;
  return level;
};

/** The way the documentation teaches: an immutable buffer in scan, array methods for filter and aggregate. */
const idiomaticWindow = (quantity, minutes) => (reports) =>
  reports.pipe(
    scan(
      (held, report) => [
        ...held.filter(({ at }) => at > report.at - minutes * MINUTE),
        { at: report.at, value: tenths(report.values[quantity]) },
      ],
      [],
    ),
    map((held) => ({
      at: held.at(-1).at,
      count: held.length,
      sum: held.reduce((sum, { value }) => sum + value, 0),
      max: Math.max(...held.map(({ value }) => value)),
    })),
  );

/** The best that we could do within RxJS: mutable queues, a running sum, a monotonic queue for the maximum. */
const tunedWindow = (quantity, minutes, kind) => (reports) => {
  const held = { at: [], value: [], head: 0 };
  const aggregate = { at: 0, count: 0, sum: 0, max: 0 };
  return reports.pipe(
    map((report) => {
      const value = tenths(report.values[quantity]);
      const before = report.at - minutes * MINUTE;
      if (kind === 'max')
        while (held.value.length > held.head && held.value.at(-1) <= value) {
          held.at.pop();
          held.value.pop();
        }
      held.at.push(report.at);
      held.value.push(value);
      aggregate.sum += value;
      while (held.at[held.head] <= before) aggregate.sum -= held.value[held.head++];
      if (held.head > 64) {
        held.at = held.at.slice(held.head);
        held.value = held.value.slice(held.head);
        held.head = 0;
      }
      aggregate.at = report.at;
      aggregate.count = held.at.length - held.head;
      aggregate.max = held.value[held.head];
      return aggregate;
    }),
  );
};

const alertsOf =
  (station, windowOf) =>
  ([rule, quantity, minutes, kind, thresholds, compare]) =>
  (reports) =>
    reports.pipe(
      windowOf(quantity, minutes, kind),
      map((aggregate) => ({ at: aggregate.at, level: levelOf(aggregate, thresholds, compare) })),
      distinctUntilChanged((a, b) => a.level === b.level),
      startWith({ at: 0, level: 0 }),
      pairwise(),
      filter(([before, now]) => before.level !== now.level),
      map(([before, now]) =>
        [
          station,
          rule,
          `${new Date(now.at).toISOString().slice(0, 19)}Z`,
          levelNames[before.level],
          levelNames[now.level],
        ].join('\t'),
      ),
    );

const windowOf = style === 'tuned' ? tunedWindow : idiomaticWindow;

function job() {
  let rest = '';
  const lines = from(createReadStream(input, { encoding: 'utf8', highWaterMark: 1024 * 1024 })).pipe(
    concatMap((chunk) => {
      const block = (rest + chunk).split('\n');
      rest = block.pop();
      return block;
    }),
  );
  let reports = 0;
  const alerts = lines.pipe(
    map((line) => {
      const report = JSON.parse(line);
      report.at = Date.parse(report.observedAt);
      reports++;
      return report;
    }),
    groupBy(({ station }) => station),
    mergeMap((group) =>
      from(rules.map((rule) => group.pipe(alertsOf(group.key, windowOf)(rule)))).pipe(
        mergeMap((each) => each),
      ),
    ),
    toArray(),
  );
  return lastValueFrom(alerts).then((found) => ({ found, reports }));
}

for (let pass = 0; pass < Number(passes); pass++) {
  const begin = performance.now();
  const before = process.cpuUsage();
  const { found, reports } = await job();
  writeFileSync(output, found.map((line) => `${line}\n`).join(''));
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ pass, ms: performance.now() - begin, cpu: (user + system) / 1000, reports }));
}
