import {
  type AlertEvent,
  type AlertEventName,
  alertEventNames,
  type EndReason,
  endReasons,
} from '../model/alert.ts';
import type { Area } from '../model/area.ts';
import { quantities, toScaled } from '../model/quantity.ts';
import type { Report } from '../model/report.ts';
import { type Level, levelNames, type Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { DAY_MS, formatInstant, parseInstant } from '../model/time.ts';
import { NodeReader } from './node-reader.ts';
import { locate, type Problem } from './problem.ts';
import { parseSeries } from './series.ts';
import { unknownWord } from './words.ts';
import { readYaml, type YamlEntry, type YamlNode } from './yaml.ts';

/** An event that a test expects; what is left out may be anything. */
export interface ExpectedEvent {
  readonly at: number;
  readonly event: AlertEventName;
  readonly rule?: string;
  readonly level?: Level;
  /** The id of a station, or `area:` and the id of a region or named area. */
  readonly subject?: string;
  readonly endReason?: EndReason;
}

/** Series of one station by quantity, one value an interval in the canonical unit, null = no report. */
export type StationSeries = Readonly<Record<string, readonly (number | null)[]>>;

/** What a test may say of a station beside its series: `region` makes areas, `timeZone` days. */
export interface TestPlace {
  readonly region?: string;
  readonly timeZone?: string;
  readonly latitude?: number;
  readonly longitude?: number;
}

export interface RuleTest {
  readonly name: string;
  /** `observedAt` of the first value of every series. */
  readonly startAt: number;
  readonly everyMs: number;
  readonly stations: Readonly<Record<string, StationSeries>>;
  /** Where these stations are, as far as the test says so. */
  readonly places: Readonly<Record<string, TestPlace>>;
  /** Named areas, beside the regions of the stations. */
  readonly areas: readonly Area[];
  readonly expect: readonly ExpectedEvent[];
  /** The clock goes on to here after the last value, for silence and expiry. */
  readonly until?: number;
}

export interface RuleTestFile {
  readonly rules: readonly string[];
  readonly tests: readonly RuleTest[];
}

/** Folds reports under rules; `untilAt` is where the partition clock ends, `areas` are the named ones. */
export type RuleReplay = (
  reports: Report[],
  rules: Rule[],
  stations: Station[],
  untilAt: number,
  areas: readonly Area[],
) => AlertEvent[];

const MAX_TESTS = 1000;
/** Porto Alegre: where stations of a test stand that does not say so. */
const DEFAULT_REGION = '4314902';
/** Keys of a station in a test that are no quantities. */
const PLACE_KEYS: readonly string[] = ['region', 'timeZone', 'latitude', 'longitude'];
/** Compared always; other events only when the test expects one of their kind. */
const DECISIVE: ReadonlySet<string> = new Set(['raised', 'escalated', 'de-escalated', 'ended']);

/** Reads a rule-test file (design section 6). `testFile` is there only when there is no problem. */
export function parseRuleTest(text: string, file: string): { testFile?: RuleTestFile; problems: Problem[] } {
  const { root, flaws } = readYaml(text);
  if (root === undefined) return { problems: locate(file, text, flaws) };
  const reader = new TestReader();
  const testFile = reader.file(root);
  const problems = locate(file, text, reader.flaws);
  return problems.length > 0 ? { problems } : { testFile, problems };
}

class TestReader extends NodeReader {
  file(root: YamlNode): RuleTestFile {
    const read = this.map(root, 'a rule test', ['rules', 'tests'], ['rules', 'tests']);
    const rules = this.items(read('rules'), 'rules').flatMap((item) => this.text(item, 'a rule file') ?? []);
    const items = this.items(read('tests'), 'tests');
    if (items.length > MAX_TESTS)
      this.flaw(root.offset, `${items.length} tests; at most ${MAX_TESTS} a file`);
    return { rules, tests: items.slice(0, MAX_TESTS).map((item) => this.test(item)) };
  }

  private test(node: YamlNode): RuleTest {
    const keys = ['name', 'every', 'start', 'stations', 'areas', 'expect', 'until'];
    const read = this.map(node, 'a test', keys, ['name', 'every', 'start', 'stations', 'expect']);
    const until = read('until') === undefined ? undefined : this.instant(read('until'), 'until');
    const entries = this.entries(read('stations'), 'stations');
    const stations = entries.map(({ key, value }) => [key, this.series(value)] as const);
    const places = entries.map(({ key, value }) => [key, this.place(value)] as const);
    return {
      name: this.text(read('name'), 'name') ?? '',
      startAt: this.instant(read('start'), 'start'),
      everyMs: this.span(read('every'), 'every', DAY_MS) ?? 1,
      stations: Object.fromEntries(stations),
      places: Object.fromEntries(places),
      areas: this.entries(read('areas'), 'areas').map((entry) =>
        this.area(entry, Object.fromEntries(places)),
      ),
      expect: this.items(read('expect'), 'expect').map((item) => this.expected(item)),
      ...(until === undefined ? {} : { until }),
    };
  }

  private instant(node: YamlNode | undefined, what: string): number {
    const text = this.text(node, what);
    const at = text === undefined ? undefined : parseInstant(text);
    if (node !== undefined && text !== undefined && at === undefined) {
      this.flaw(node.offset, `${what}: "${text}" is no instant; write 2024-04-30T05:00:00Z`);
    }
    return at ?? 0;
  }

  private series(node: YamlNode): StationSeries {
    const entries = this.entries(node, 'a station').filter(({ key }) => !PLACE_KEYS.includes(key));
    const rows = entries.map(({ key, offset, value }) => {
      if (!quantities.has(key))
        this.flaw(offset, unknownWord('quantity', key, [...quantities.keys(), ...PLACE_KEYS]));
      const text =
        value.kind === 'list'
          ? value.items.map((item) => this.text(item, 'a value')).join(' ')
          : this.text(value, key);
      const series = parseSeries(text ?? '');
      if (series.message !== undefined) this.flaw(value.offset, `${key}: ${series.message}`);
      return [key, series.values] as const;
    });
    return Object.fromEntries(rows);
  }

  private place(node: YamlNode): TestPlace {
    if (node.kind !== 'map') return {};
    const nodes = new Map(node.entries.map(({ key, value }) => [key, value]));
    const region = this.text(nodes.get('region'), 'region', 64);
    const timeZone = this.text(nodes.get('timeZone'), 'timeZone', 64);
    const zoneNode = nodes.get('timeZone');
    if (zoneNode !== undefined && timeZone !== undefined && !isZone(timeZone))
      this.flaw(zoneNode.offset, `timeZone: "${timeZone}" is no IANA zone like America/Sao_Paulo`);
    const latitude = this.degrees(nodes.get('latitude'), 'latitude', 90);
    const longitude = this.degrees(nodes.get('longitude'), 'longitude', 180);
    return {
      ...(region === undefined ? {} : { region }),
      ...(timeZone === undefined ? {} : { timeZone }),
      ...(latitude === undefined ? {} : { latitude }),
      ...(longitude === undefined ? {} : { longitude }),
    };
  }

  private area({ key, value }: YamlEntry, places: Readonly<Record<string, TestPlace>>): Area {
    const stations = this.items(value, `area ${key}`).flatMap((item) => {
      const id = this.text(item, 'a station');
      if (id !== undefined && !Object.hasOwn(places, id))
        this.flaw(item.offset, unknownWord('station', id, Object.keys(places)));
      return id ?? [];
    });
    const region = places[stations[0] ?? '']?.region ?? DEFAULT_REGION;
    return { id: key, name: key, region, stations };
  }

  private degrees(node: YamlNode | undefined, what: string, limit: number): number | undefined {
    const text = this.text(node, what);
    if (node === undefined || text === undefined) return undefined;
    if (/^-?\d{1,3}(?:\.\d{1,9})?$/.test(text) && Math.abs(Number(text)) <= limit) return Number(text);
    return this.flaw(node.offset, `${what}: "${text}" is not a number from -${limit} to ${limit}`);
  }

  private expected(node: YamlNode): ExpectedEvent {
    const read = this.map(
      node,
      'an expected event',
      ['at', 'event', 'rule', 'level', 'subject', 'endReason'],
      ['at', 'event'],
    );
    const rule = this.text(read('rule'), 'rule');
    const level = this.oneOf(read('level'), 'level', levelNames);
    const subject = this.text(read('subject'), 'subject');
    const endReason = this.oneOf(read('endReason'), 'endReason', endReasons);
    return {
      at: this.instant(read('at'), 'at'),
      event: this.oneOf(read('event'), 'event', alertEventNames) ?? 'raised',
      ...(rule === undefined ? {} : { rule }),
      ...(level === undefined ? {} : { level }),
      ...(subject === undefined ? {} : { subject }),
      ...(endReason === undefined ? {} : { endReason }),
    };
  }
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return !/^[+-]/.test(name);
  } catch {
    return false;
  }
}

/** The reports of a test in the order of their arrival (`receivedAt` = `observedAt`), and its stations. */
export function testReports(test: RuleTest): { reports: Report[]; stations: Station[] } {
  const reports: Report[] = [];
  for (const [station, series] of Object.entries(test.stations)) {
    const length = Math.max(0, ...Object.values(series).map((values) => values.length));
    for (let i = 0; i < length; i += 1) {
      const readings = Object.entries(series).flatMap(([quantity, values]) => {
        const value = values[i] ?? null;
        return value === null
          ? []
          : [[quantity, toScaled(value, quantities.get(quantity)?.decimals)] as const];
      });
      if (readings.length === 0) continue;
      const observedAt = test.startAt + i * test.everyMs;
      reports.push({
        station,
        observedAt,
        intervalMs: test.everyMs,
        receivedAt: observedAt,
        quantities: readings.map(([quantity]) => quantity),
        values: readings.map(([, value]) => value),
      });
    }
  }
  reports.sort((a, b) => a.receivedAt - b.receivedAt || (a.station < b.station ? -1 : 1));
  const stations = Object.keys(test.stations).map((id) => ({
    id,
    name: id,
    latitude: -30.05,
    longitude: -51.17,
    altitude: 47,
    region: DEFAULT_REGION,
    timeZone: 'America/Sao_Paulo',
    intervalMs: test.everyMs,
    ...test.places[id],
  }));
  return { reports, stations };
}

/**
 * Runs one test through `replay` and returns the differences in words; none means that it passed. Raised,
 * escalated, de-escalated and ended must match exactly, other events when the test expects one of that kind.
 */
export function runRuleTest(test: RuleTest, rules: readonly Rule[], replay: RuleReplay): string[] {
  const { reports, stations } = testReports(test);
  const endAt = Math.max(seriesEnd(test), test.until ?? 0);
  const compared = new Set([...DECISIVE, ...test.expect.map(({ event }) => event)]);
  const got = replay(reports, [...rules], stations, endAt, test.areas).filter(({ event }) =>
    compared.has(event),
  );
  const differences: string[] = [];
  const exactFirst = [...test.expect].sort((a, b) => Object.keys(b).length - Object.keys(a).length);
  for (const expected of exactFirst) {
    const index = got.findIndex((event) => matches(expected, event));
    if (index >= 0) got.splice(index, 1);
    else differences.push(`expected ${tell(expected)}, got ${near(expected, got)}`);
  }
  return [...differences, ...got.map((event) => `got ${tell(plain(event))}, expected nothing of the kind`)];
}

/** The instant of the last value: gaps at the end are time that passes without a report. */
function seriesEnd({ startAt, everyMs, stations }: RuleTest): number {
  const lengths = Object.values(stations).flatMap((series) =>
    Object.values(series).map(({ length }) => length),
  );
  return startAt + Math.max(0, ...lengths.map((length) => length - 1)) * everyMs;
}

function matches(expected: ExpectedEvent, event: AlertEvent): boolean {
  const actual: Partial<Record<string, unknown>> = { ...plain(event) };
  if (expected.subject === event.subject.id) actual.subject = expected.subject;
  return Object.entries(expected).every(([key, value]) => actual[key] === value);
}

function plain({ at, event, rule, level, subject, endReason }: AlertEvent): ExpectedEvent & { rule: string } {
  const named = subject.kind === 'area' ? `area:${subject.id}` : subject.id;
  return { at, event, rule, level, subject: named, ...(endReason === undefined ? {} : { endReason }) };
}

function near(expected: ExpectedEvent, got: readonly AlertEvent[]): string {
  const candidate =
    got.find(({ at }) => at === expected.at) ?? got.find(({ event }) => event === expected.event);
  return candidate === undefined ? 'nothing' : tell(plain(candidate));
}

function tell({ at, event, rule, level, subject, endReason }: ExpectedEvent): string {
  const parts = [
    event,
    endReason,
    level,
    subject && `at ${subject}`,
    rule && `by ${rule}`,
    `on ${formatInstant(at)}`,
  ];
  return parts.filter((part) => part !== undefined).join(' ');
}
