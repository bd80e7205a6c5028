import { invariant } from '../src/lib/errors.ts';
import type { LogRecord } from '../src/model/record.ts';
import type { Report } from '../src/model/report.ts';
import type { Rule } from '../src/model/rule.ts';
import type { Station } from '../src/model/station.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../src/model/time.ts';
import { loadRules } from '../src/rules/rule-set.ts';
import { PartitionFold } from '../src/stream/fold.ts';
import { quantile, round3 } from './figures.ts';

export interface AreaCase {
  readonly stations: number;
  readonly lateHours: number;
  /** Mean cost of a report in order, area rules alone, ms; and over that of the station path with the same windows. */
  readonly inOrderMs: number;
  readonly inOrderP99Ms: number;
  readonly ratioToStations: number;
  /** The first report so late, which fills what is kept; one more; and the longest of a hundred in one second. */
  readonly firstLateMs: number;
  readonly lateMs: number;
  readonly longestOfHundredMs: number;
  /** The tick after those, which evaluates all of them together. */
  readonly tickMs: number;
}

const START_AT = Date.UTC(2024, 3, 30);
const INTERVAL_MS = 10 * MINUTE_MS;
const QUANTITIES = ['rainfall'];

const rulesFrom = (subject: 'area' | 'station', levels: readonly string[], clear: string): Rule[] => {
  const text = [
    `rule: rain-${subject}`,
    'hazard: rain',
    `subject: ${subject}`,
    'levels:',
    `  yellow: ${levels[0]}`,
    `  orange: ${levels[1]}`,
    `clear: ${clear}`,
  ].join('\n');
  const { rules, problems } = loadRules([{ path: `rain-${subject}.yaml`, text }]);
  invariant(problems.length === 0, `a rule of the benchmark is bad: ${JSON.stringify(problems[0])}`);
  return rules;
};

const areaRules = (): Rule[] =>
  rulesFrom(
    'area',
    [
      'count(stations where sum(rainfall, 1h) >= 20 mm) >= 3',
      'share(stations where sum(rainfall, 24h) >= 60 mm) >= 20 %',
    ],
    'count(stations where sum(rainfall, 1h) >= 10 mm) < 1 for 1h',
  );
const stationRules = (): Rule[] =>
  rulesFrom(
    'station',
    ['sum(rainfall, 1h) >= 20 mm', 'sum(rainfall, 24h) >= 60 mm'],
    'sum(rainfall, 1h) < 10 mm for 1h',
  );

/** A fold over one region whose stations report every ten minutes, each at its own second. */
class Network {
  readonly #fold: PartitionFold;
  readonly #stations: readonly Station[];

  constructor(stations: number, rules: readonly Rule[]) {
    this.#stations = Array.from({ length: stations }, (_, i) => ({
      id: `S${i}`,
      name: `S${i}`,
      latitude: -30,
      longitude: -51,
      altitude: 10,
      region: '1',
      timeZone: 'America/Sao_Paulo',
      intervalMs: INTERVAL_MS,
    }));
    this.#fold = new PartitionFold({ rules: () => rules, stations: () => this.#stations });
    this.apply({ kind: 'command', id: '0', command: { type: 'recording', delayMs: 0, startAt: START_AT } });
    this.apply({ kind: 'command', id: '1', command: { type: 'stations', hash: 'stations' } });
    this.apply({ kind: 'command', id: '2', command: { type: 'rules', hash: 'rules' } });
  }

  apply(record: LogRecord): number {
    const from = performance.now();
    this.#fold.apply(record);
    return performance.now() - from;
  }

  report(station: number, observedAt: number, receivedAt: number, value: number): Report {
    const { id } = this.#stations[station] as Station;
    return {
      station: id,
      observedAt,
      receivedAt,
      intervalMs: INTERVAL_MS,
      quantities: QUANTITIES,
      values: [value],
    };
  }

  /** Feeds reports in order up to an instant; `isLeftOut` says which do not come. Returns what each cost, ms. */
  feed(toMs: number, isLeftOut: (station: number, slot: number) => boolean): number[] {
    const costs: number[] = [];
    const n = this.#stations.length;
    for (let slot = 1; slot * INTERVAL_MS <= toMs; slot++) {
      for (let i = 0; i < n; i++) {
        if (isLeftOut(i, slot)) continue;
        const at = START_AT + slot * INTERVAL_MS + Math.floor((i * INTERVAL_MS) / n / SECOND_MS) * SECOND_MS;
        const report = this.report(i, at, at, (i * 7 + slot * 13) % 97 === 0 ? 4000 : 0);
        costs.push(this.apply({ kind: 'tick', at }) + this.apply({ kind: 'report', report }));
      }
    }
    return costs;
  }
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Late data of a large area whose stations are not synchronised, beside the cost of reports in order. */
export function benchAreas(
  cases: readonly { readonly stations: number; readonly lateHours: number }[],
): AreaCase[] {
  return cases.map(({ stations, lateHours }) => {
    const spanMs = (lateHours + 2) * HOUR_MS;
    const slots = spanMs / INTERVAL_MS;
    // The first station's reports of the oldest hours stay out, so that they can come late.
    const network = new Network(stations, areaRules());
    const isLeftOut = (station: number, slot: number): boolean =>
      station === 0 && slot > 6 && slot < slots && slot % 2 === 1;
    const costs = network.feed(spanMs, isLeftOut).slice(-10 * stations);
    const single = new Network(stations, stationRules());
    const base = single.feed(Math.min(spanMs, 6 * HOUR_MS), isLeftOut).slice(-10 * stations);
    let clockAt = START_AT + spanMs + INTERVAL_MS;
    network.apply({ kind: 'tick', at: clockAt });
    const late = (slot: number): number =>
      network.apply({
        kind: 'report',
        report: network.report(0, START_AT + slot * INTERVAL_MS, clockAt, 30_000),
      });
    const firstLateMs = late(13);
    clockAt += 60 * SECOND_MS;
    network.apply({ kind: 'tick', at: clockAt });
    const lateMs = late(15);
    let longest = 0;
    for (let slot = 17; slot < 17 + 200 && slot < slots; slot += 2) longest = Math.max(longest, late(slot));
    clockAt += 60 * SECOND_MS;
    const tickMs = network.apply({ kind: 'tick', at: clockAt });
    return {
      stations,
      lateHours,
      inOrderMs: round3(mean(costs)),
      inOrderP99Ms: round3(quantile(costs, 0.99)),
      ratioToStations: round3(mean(costs) / mean(base)),
      firstLateMs: round3(firstLateMs),
      lateMs: round3(lateMs),
      longestOfHundredMs: round3(longest),
      tickMs: round3(tickMs),
    };
  });
}

if (import.meta.main) {
  const cases = [
    { stations: 200, lateHours: 12 },
    { stations: 2000, lateHours: 22 },
  ];
  process.stdout.write(`${JSON.stringify(benchAreas(cases), null, 2)}\n`);
}
