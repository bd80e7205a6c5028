import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReportColumns } from '../../ingest/report-columns.ts';
import { toScaled } from '../../model/quantity.ts';
import type { Report } from '../../model/report.ts';
import type { Rule } from '../../model/rule.ts';
import type { Station } from '../../model/station.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../model/time.ts';
import { parseRule } from '../../rules/document.ts';
import { foldRecording, type Recording } from './recording.ts';
import { screenKeys } from './screen-keys.ts';

const START = Date.UTC(2024, 0, 1);
const ids = ['A801', 'A802', 'B3'];
const stations = ids.map(
  (id, i): Station => ({
    id,
    name: id,
    latitude: -30 - i,
    longitude: -51,
    altitude: 47,
    region: String(i % 2),
    timeZone: 'America/Sao_Paulo',
    intervalMs: i === 2 ? null : HOUR_MS,
  }),
);

const levels = [
  "red: 'sum(rainfall, 24h) >= 40 mm'",
  "yellow: 'sum(rainfall, 1h) > 12 mm or sum(rainfall, 6h) > 30 mm', red: 'sum(rainfall, 6h) > 60 mm'",
  "orange: 'max(windGust, 1h) >= 22 m/s for 2h'",
  "yellow: 'avg(airTemperature, 3h) < 6 degC', red: 'min(airTemperature, 2h) < 1 degC and sum(rainfall, 3h) < 2 mm'",
  "yellow: 'last(relativeHumidity, 2h) < 25 % and not max(rainfall, 12h) > 1 mm'",
  "red: 'delta(airTemperature, 6h) <= -9 degC'",
  "yellow: 'stddev(windGust, 6h) > 6 m/s'",
];
const clears = ['', "clear: 'max(rainfall, 6h) < 1 mm for 3h'\n", "clear: 'max(windGust, 3h) < 10 m/s'\n"];
const coverages = ['', 'coverage: 0 %\n', 'coverage: 50 %\n'];

const parsed = (name: string, rest: string): Rule => {
  const { rule, problems } = parseRule(`rule: ${name}\nhazard: rain\n${rest}`, `${name}.yaml`);
  expect(problems).toEqual([]);
  return rule as Rule;
};
const rules = fc
  .array(fc.record({ level: fc.nat(6), clear: fc.nat(2), coverage: fc.nat(2) }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((chosen) =>
    chosen.map(({ level, clear, coverage }, i) =>
      parsed(`r${i}`, `levels: { ${levels[level]} }\n${clears[clear]}${coverages[coverage]}`),
    ),
  );

/** What befalls a station at some hour, for some hours. */
const event = fc.record({
  station: fc.nat(2),
  hour: fc.nat(30 * 24),
  hours: fc.integer({ min: 1, max: 30 }),
  what: fc.constantFrom(
    'rain',
    'gust',
    'cold',
    'dry',
    'gap',
    'still',
    'absurd',
    'late',
    'repeat',
    'corrected',
    'finer',
  ),
  strength: fc.integer({ min: 1, max: 40 }),
});
type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

/** Weather of a station at an hour: calm, but for what befalls it. */
function valuesAt(hour: number, at: number, own: readonly Event[]): Record<string, number> | null {
  const wobble = Math.sin(hour * 2.399) + Math.sin(hour * 0.7);
  const values = {
    rainfall: 0,
    windGust: 5 + wobble,
    airTemperature: 18 + 4 * Math.sin((at / DAY_MS) * 2 * Math.PI) + wobble / 5,
    relativeHumidity: 60 + 8 * wobble,
  };
  for (const { what, strength } of own) {
    if (what === 'rain') values.rainfall += strength * (hour % 3 === 0 ? 0.7 : 0.3);
    else if (what === 'gust') values.windGust += strength;
    else if (what === 'cold') values.airTemperature -= strength / 2;
    else if (what === 'dry') values.relativeHumidity -= strength;
    else if (what === 'still')
      Object.assign(values, { windGust: 0, airTemperature: 3, relativeHumidity: 20 });
    else if (what === 'absurd') Object.assign(values, { rainfall: 4000, airTemperature: -70 + strength });
    else if (what === 'gap') return null;
  }
  return values;
}

function reportsOf(events: readonly Event[]): Report[] {
  const quantities = ['rainfall', 'windGust', 'airTemperature', 'relativeHumidity'];
  const reports: Report[] = [];
  ids.forEach((station, number) => {
    const of = events.filter((one) => one.station === number);
    for (let hour = 0; hour < 31 * 24; hour++) {
      const own = of.filter((one) => hour >= one.hour && hour < one.hour + one.hours);
      const has = (what: Event['what']): boolean => own.some((one) => one.what === what);
      const steps = has('finer') ? 6 : 1;
      for (let step = 1; step <= steps; step++) {
        const observedAt = START + (hour - 1) * HOUR_MS + (step * HOUR_MS) / steps;
        const found = valuesAt(hour, observedAt, own);
        if (!found) continue;
        const values = quantities.map((name) => toScaled(found[name] as number));
        const receivedAt = observedAt + (has('late') ? (hour % 5) * 2 * HOUR_MS : MINUTE_MS);
        const report = { station, observedAt, receivedAt, intervalMs: HOUR_MS / steps, quantities, values };
        reports.push(report);
        if (has('repeat')) reports.push({ ...report, receivedAt: receivedAt + 20 * MINUTE_MS });
        if (has('corrected'))
          reports.push({
            ...report,
            receivedAt: receivedAt + 90 * MINUTE_MS,
            values: values.map((value, i) => (i === 0 ? value + 9000 : value)),
          });
      }
    }
  });
  return reports;
}

const recordingOf = (reports: readonly Report[]): Recording => ({
  reports: ReportColumns.of(reports).sorted(),
  ...{ stations: stations.slice(0, 3), areas: [], partitions: 4, delayMs: MINUTE_MS },
});

test('what is passed over changes no event and no count', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 12 }), rules, (events, set) => {
      expect(screenKeys(set)).not.toBeNull();
      const recording = recordingOf(reportsOf(events));
      const whole = foldRecording(recording, set, { isWhole: true });
      const chosen = foldRecording(recording, set);
      expect(chosen.events).toEqual(whole.events);
      expect(chosen.counts).toEqual(whole.counts);
    }),
    { numRuns: Number(process.env.ATALAIA_RUNS ?? 60) },
  );
});

const hourly = (quantity: string, values: readonly (number | null)[]): Report[] =>
  values.flatMap((value, hour) => {
    if (value === null) return [];
    const observedAt = START + hour * HOUR_MS;
    const receivedAt = observedAt + MINUTE_MS;
    const one = { station: 'A801', observedAt, receivedAt, intervalMs: HOUR_MS };
    return { ...one, quantities: [quantity], values: [toScaled(value)] };
  });
const same = (reports: readonly Report[], set: readonly Rule[]): string[] => {
  const recording = recordingOf(reports);
  const { events } = foldRecording(recording, set);
  expect(events).toEqual(foldRecording(recording, set, { isWhole: true }).events);
  return events.map(({ event: what, at }) => `${what} ${(at - START) / HOUR_MS}`);
};

test('an alert that its clear condition keeps open is followed to its end, whatever else is calm', () => {
  const set = [
    parsed(
      'r',
      "levels: { red: 'max(windGust, 1h) >= 22 m/s' }\nclear: 'max(windGust, 3h) < 10 m/s'\nexpires: 72h\n",
    ),
  ];
  const gusts = Array.from({ length: 400 }, (_, i) =>
    i === 200 ? 25 : i > 200 && i < 260 ? 11 + (i % 3) : 5 + (i % 2),
  );
  const told = same(hourly('windGust', gusts), set);
  expect([told[0], told.at(-1)]).toEqual(['raised 200', 'ended 262']);
});

test('after a gap a reading counts when enough others stand beside it', () => {
  const set = [parsed('r', "levels: { yellow: 'avg(airTemperature, 3h) < 6 degC' }\n")];
  const calm = Array.from({ length: 200 }, (_, i) => 9 + (i % 3) / 2);
  const told = same(hourly('airTemperature', [...calm, ...Array(30).fill(null), 5, 6.2, 6.3, ...calm]), set);
  expect(told[0]).toBe('raised 232');
});

test('of calm months little is folded, and reports of no known station are counted all the same', () => {
  const storm: Event = { station: 0, hour: 300, hours: 10, what: 'rain', strength: 30 };
  const reports = reportsOf([storm]);
  const strange = reports.slice(0, 5).map((report) => ({ ...report, station: 'X' }));
  const set = [parsed('rain', `levels: { ${levels[0]} }\n`)];
  const folded: string[] = [];
  const { events, counts } = foldRecording(recordingOf([...reports, ...strange]), set, {
    onFolded: ({ station }) => folded.push(station),
  });
  expect([events[0]?.event, events.at(-1)?.event]).toEqual(['raised', 'ended']);
  expect(counts).toEqual(new Map([['unknown-station', 5]]));
  expect(new Set(folded)).toEqual(new Set(['A801', 'X']));
  expect(folded.length).toBeLessThan(reports.length / 20);
});

test.each([
  ["yellow: 'silent(2h)'", ''],
  ["yellow: 'sum(rainfall, 24h) < 1 mm'", ''],
  ["yellow: 'sum(rainfall, 1d tumbling) > 1 mm'", ''],
  ["yellow: 'last(fireWeatherIndex, 1h) > 20'", ''],
  ["yellow: 'max(rainfall, 1h) > 5 mm then max(windGust, 1h) > 20 m/s within 2h'", ''],
  ["yellow: 'max(rainfall, 1h) > 5 mm'", 'quality: suspect\n'],
  ["yellow: 'count(stations where max(rainfall, 1h) > 5 mm) > 1'", 'subject: area\n'],
])('of %s it cannot be told where it matters', (level, rest) => {
  expect(screenKeys([parsed('r', `levels: { ${level} }\n${rest}`)])).toBeNull();
});
