import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Dress, dresses } from '../../bench/dress.ts';
import { formatAlertEvent } from '../../src/alerts/event-json.ts';
import { type HttpSourceConfig, sourcesConfig } from '../../src/app/config/source-config.ts';
import { openDoors } from '../../src/app/intake/doors.ts';
import { Replay } from '../../src/app/replay.ts';
import { ClockOffsets } from '../../src/ingest/clock-offsets.ts';
import { openScenario } from '../../src/ingest/scenario.ts';
import type { AlertEvent } from '../../src/model/alert.ts';
import type { Report } from '../../src/model/report.ts';
import { MINUTE_MS } from '../../src/model/time.ts';
import { loadRules } from '../../src/rules/rule-set.ts';
import { root } from './server.ts';

// The recorded storm through every door: what a producer's protocol can write, all doors must read alike.

const storm = openScenario(join(root, 'scenarios/rs-2024'));
const pack = join(root, 'rules/inmet');
const { rules } = loadRules(
  readdirSync(pack)
    .filter((name) => /(?<!\.test)\.yaml$/.test(name))
    .map((name) => ({ path: name, text: readFileSync(join(pack, name), 'utf8') })),
);

/** What all of these protocols can carry. */
const carried = new Set([
  ...['rainfall', 'airTemperature', 'relativeHumidity', 'stationPressure'],
  ...['windSpeed', 'windGust', 'windDirection'],
]);

function cut(report: Report): Report {
  const places = report.quantities.flatMap((name, place) => (carried.has(name) ? [place] : []));
  return {
    ...report,
    quantities: places.map((place) => report.quantities[place] as string),
    values: places.map((place) => report.values[place] as number),
  };
}

const recording = [...storm.reports()].map(cut).filter(({ quantities }) => quantities.length > 0);

const newReplay = (): Replay => new Replay({ rules, stations: storm.stations });
const lines = (events: readonly AlertEvent[]): string[] => events.map((event) => formatAlertEvent(event));

interface Sending {
  readonly dress: Dress;
  readonly isExact: boolean;
  /** How much later than the recording it measures and sends; default none. */
  readonly shiftMs?: number;
}

/** The storm as producers send it, each through a door of the configuration, into the fold. */
async function through(...sendings: readonly Sending[]): Promise<AlertEvent[]> {
  const doors = sendings.map(({ dress: { source, theirs } }, place) => ({
    ...{ kind: 'http', name: `door-${place}`, ...source },
    stations: Object.fromEntries(storm.stations.map(({ id }) => [theirs(id), id])),
  }));
  const replay = newReplay();
  let now = 0;
  const take = openDoors({
    doors: doors.map((door) => sourcesConfig.parse([door])[0] as HttpSourceConfig),
    intake: {
      append: async (reports) => {
        for (const report of reports) replay.feed(report);
        return new Set();
      },
      station: (id) => storm.stations.find((station) => station.id === id),
      clocks: new ClockOffsets(),
    },
    forecast: async () => ({ accepted: 0, rejected: [] }),
    now: () => now,
    onCounted: () => undefined,
  });
  const all = sendings
    .flatMap(({ dress: { dress }, isExact, shiftMs = 0 }, place) =>
      recording.map((report) => {
        const at = report.observedAt + shiftMs;
        return {
          at,
          name: `door-${place}`,
          sent: dress({ ...report, observedAt: at, receivedAt: at }, isExact),
        };
      }),
    )
    .sort((one, other) => one.at - other.at);
  for (const { at, name, sent } of all) {
    now = at;
    const { fields = new URLSearchParams(), body = '' } = sent;
    await take({ name, fields, body: Buffer.from(body), bearer: undefined });
  }
  return replay.finish();
}

/** What people see of an event. */
const told = ({ rule, subject, event, level, at }: AlertEvent): string =>
  `${rule} ${subject.id} ${event} ${level} ${new Date(at).toISOString()}`;

const ranks = ['yellow', 'orange', 'red'];

const onlyRain = (events: readonly AlertEvent[]): AlertEvent[] =>
  events.filter(({ rule }) => rule === 'chuva-intensa');

/** The first instant at which each level of each rule was reached at each station. */
function firsts(events: readonly AlertEvent[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { rule, subject, event, level, at } of events) {
    if (event !== 'raised' && event !== 'escalated') continue;
    for (const rank of ranks.slice(0, ranks.indexOf(level) + 1)) {
      const key = `${rule} ${subject.id} ${rank}`;
      found.set(key, Math.min(found.get(key) ?? Number.POSITIVE_INFINITY, at));
    }
  }
  return found;
}

/** How one storm differs from another for who is warned, and in how many events. */
function compare(expected: readonly AlertEvent[], own: readonly AlertEvent[]) {
  const [before, after] = [firsts(expected), firsts(own)];
  const shift = (sign: number): number =>
    [...before].filter(([key, at]) => Math.sign((after.get(key) ?? at) - at) === sign).length;
  const [all, mine] = [new Set(expected.map(told)), new Set(own.map(told))];
  return {
    same: [...before].filter(([key, at]) => after.get(key) === at).length,
    earlier: shift(-1),
    later: shift(1),
    lost: [...before.keys()].filter((key) => !after.has(key)).length,
    new: [...after.keys()].filter((key) => !before.has(key)).length,
    events: [...all].filter((one) => !mine.has(one)).length + [...mine].filter((one) => !all.has(one)).length,
  };
}

describe('the storm through every door', () => {
  let expected: AlertEvent[];
  beforeAll(() => {
    const replay = newReplay();
    for (const report of recording) replay.feed(report);
    expected = replay.finish();
  });

  test('the recording itself raises the alerts that the golden test knows', () => {
    const rain = expected.filter(({ rule, event }) => rule === 'chuva-intensa' && event === 'raised');
    expect(rain).toHaveLength(114);
  });

  test.each(dresses.map((dress) => [dress.name, dress] as const))(
    '%s with decimals enough: the same alerts at the same times, to the last byte',
    async (_, dress) => {
      expect(lines(await through({ dress, isExact: true }))).toEqual(lines(expected));
    },
    120_000,
  );

  const [inmet, ecowitt] = dresses as [Dress, Dress];

  test('a station that sends by two doors at once counts once', async () => {
    const both = await through({ dress: inmet, isExact: true }, { dress: ecowitt, isExact: true });
    expect(lines(both)).toEqual(lines(expected));
  }, 120_000);

  test('a station whose second door tells the same rain seven minutes later has no more rain', async () => {
    const both = await through(
      { dress: inmet, isExact: true },
      { dress: ecowitt, isExact: true, shiftMs: 7 * MINUTE_MS },
    );
    // Updates come when the second door is heard too; who is warned of what, and when, is the same.
    const { events: _, ...warned } = compare(onlyRain(expected), onlyRain(both));
    expect(warned).toEqual({ same: 106, earlier: 0, later: 0, lost: 0, new: 0 });
  }, 120_000);

  /** What differs at the resolution that the devices write: the table of docs/connect-a-station.md. */
  const differences: Readonly<Record<string, ReturnType<typeof compare>>> = {
    'INMET JSON': { same: 176, earlier: 0, later: 0, lost: 0, new: 0, events: 0 },
    Ecowitt: { same: 174, earlier: 1, later: 1, lost: 0, new: 0, events: 32 },
    Wunderground: { same: 172, earlier: 3, later: 1, lost: 0, new: 0, events: 161 },
    ChirpStack: { same: 174, earlier: 0, later: 2, lost: 0, new: 0, events: 99 },
    MQTT: { same: 176, earlier: 0, later: 0, lost: 0, new: 0, events: 0 },
    CSV: { same: 172, earlier: 2, later: 2, lost: 0, new: 0, events: 105 },
  };

  test.each(dresses.map((dress) => [dress.name, dress] as const))(
    '%s at its own resolution: the differences that the documentation lists',
    async (name, dress) => {
      const own = await through({ dress, isExact: false });
      expect(compare(expected, own)).toEqual(differences[name]);
    },
    120_000,
  );

  test.each(Object.entries(differences))('the documentation has the line of %s', (name, one) => {
    const text = readFileSync(join(root, 'docs/connect-a-station.md'), 'utf8');
    const cells = [one.same, one.earlier, one.later, one.lost, one.new, one.events].map(String);
    const row = text.split('\n').find((line) => line.startsWith(`| ${name} `)) ?? '';
    expect(
      row
        .split('|')
        .slice(-7, -1)
        .map((cell) => cell.trim()),
    ).toEqual(cells);
  });
});
