import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Spoiling, writeStormFiles } from '../oracle/storm-files.ts';
import { alertIntervals } from '../oracle/storm-intervals.ts';
import { type LevelName, type Storm, stormFolder, stormTruth } from '../oracle/storm-sql.ts';

const run = promisify(execFile);
const root = new URL('../../', import.meta.url).pathname;
const pack = join(root, 'rules/inmet');
const order = ['yellow', 'orange', 'red'];
interface Event {
  readonly alert: string;
  readonly event: string;
  readonly endReason?: string;
  readonly rule: string;
  readonly subject: { readonly id: string };
  readonly level: LevelName;
  readonly at: string;
}

/** The pack's rule whose text names `what`: its file and its name. */
function ruleOf(what: string): { file: string; name: string; text: string } {
  for (const file of readdirSync(pack).filter((name) => /(?<!\.test)\.ya?ml$/.test(name))) {
    const text = readFileSync(join(pack, file), 'utf8');
    const name = /^rule:\s*(\S+)/m.exec(text)?.[1];
    if (name && text.includes(what)) return { file, name, text };
  }
  throw new Error(`No rule of rules/inmet names ${what}.`);
}

async function replay(files: readonly string[], rules: string): Promise<Event[]> {
  const { stdout } = await run(
    process.execPath,
    ['src/main.ts', 'replay', ...files, '--rules', rules, '--out', '-'],
    { cwd: root, maxBuffer: 256 << 20, timeout: 55_000 },
  );
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Event);
}

/** First instant of each (station, level), as the alerts show it. */
function firsts(events: readonly Event[], rule: string): string[] {
  const found = new Map<string, number>();
  for (const event of events) {
    if (event.rule !== rule || (event.event !== 'raised' && event.event !== 'escalated')) continue;
    for (const level of order.slice(0, order.indexOf(event.level) + 1)) {
      const key = `${event.subject.id} ${level}`;
      found.set(key, Math.min(found.get(key) ?? Number.POSITIVE_INFINITY, Date.parse(event.at)));
    }
  }
  return [...found].map(([key, at]) => `${key} ${new Date(at).toISOString()}`).sort();
}
const truthFirsts = (storm: Storm, rule: 'rain' | 'gust'): string[] =>
  storm.first
    .filter((f) => f.rule === rule)
    .map((f) => `${f.station} ${f.level} ${new Date(f.at).toISOString()}`)
    .sort();

const line = (station: string, event: string, level: string, at: number, reason: string): string =>
  `${station} ${new Date(at).toISOString()} ${event} ${level} ${reason}`.trim();
const lines = (events: readonly Event[], rule: string): string[] =>
  events
    .filter((e) => e.rule === rule)
    .map((e) => line(e.subject.id, e.event, e.level, Date.parse(e.at), e.endReason ?? ''))
    .sort();

// The raw files are not part of the repository: without ../shared/data there is nothing to compare.
describe.skipIf(!existsSync(stormFolder))('atalaia replay of the storm against SQL', () => {
  let folder: string;
  let storm: Storm;
  let files: string[];
  let events: Event[];
  const rain = (): ReturnType<typeof ruleOf> => ruleOf('sum(rainfall, 24h)');
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'atalaia-storm-'));
    storm = await stormTruth();
    files = writeStormFiles(join(folder, 'as-is'));
    events = await replay(files, pack);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('every level is first reached where SQL says, for rain and for gusts', () => {
    expect(firsts(events, rain().name)).toEqual(truthFirsts(storm, 'rain'));
    expect(firsts(events, ruleOf('max(windGust, 1h)').name)).toEqual(truthFirsts(storm, 'gust'));
  });

  test('114 rain alerts, 30 of them red', () => {
    const own = events.filter((e) => e.rule === rain().name);
    expect(own.filter((e) => e.event === 'raised')).toHaveLength(114);
    expect(new Set(own.filter((e) => e.level === 'red').map((e) => e.alert)).size).toBe(30);
  });

  test('every revision of every rain alert is where the state machine over SQL has it', () => {
    const expected = alertIntervals(storm.rain).flatMap((i) =>
      i.events.map((e) =>
        line(i.station, e.event, e.level, e.at, e.event === 'ended' ? (i.endReason ?? '') : ''),
      ),
    );
    expect(lines(events, rain().name)).toEqual(expected.sort());
  });

  /** A mutation must still find the storm (an empty answer would differ too), and find it elsewhere. */
  const expectRed = (mutated: readonly Event[]): void => {
    expect(mutated.filter((e) => e.event === 'raised').length).toBeGreaterThan(80);
    expect(lines(mutated, rain().name)).not.toEqual(lines(events, rain().name));
  };
  const withRule = async (name: string, change: (text: string) => string): Promise<void> => {
    const rule = rain();
    const text = change(rule.text);
    expect(text).not.toBe(rule.text);
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, rule.file), text);
    expectRed(await replay(files, join(folder, name)));
  };
  const withFiles = async (spoiling: Spoiling): Promise<void> =>
    expectRed(await replay(writeStormFiles(join(folder, spoiling), spoiling), pack));

  // 30.0 mm in an hour occurs four times and is the first orange of A827 and A881.
  test('red when > stands for >= at 30 mm', () =>
    withRule('greater', (text) => text.replace(/(sum\(rainfall, 1h\)) >= 30 mm/, '$1 > 30 mm')));
  test('red with a window of 23 h', () =>
    withRule('23h', (text) => text.replaceAll('sum(rainfall, 24h)', 'sum(rainfall, 23h)')));
  test('red with a window of 25 h', () =>
    withRule('25h', (text) => text.replaceAll('sum(rainfall, 24h)', 'sum(rainfall, 25h)')));
  test('red when a gap is read as 0', () => withFiles('gap-as-zero'));
  test('red when UTC is read as UTC-3', () => withFiles('local-time'));
});
