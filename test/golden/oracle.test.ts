import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Report } from '../../src/model/report.ts';
import type { Condition, Expression, Rule } from '../../src/model/rule.ts';
import { naiveFold } from '../oracle/naive-fold.ts';
import { alertIntervals } from '../oracle/storm-intervals.ts';
import { type Storm, stormFolder, stormTruth } from '../oracle/storm-sql.ts';

const HOUR = 3_600_000;
const sum = (hours: number): Expression => ({
  kind: 'aggregate',
  name: 'sum',
  quantity: 'rainfall',
  window: { kind: 'sliding', spanMs: hours * HOUR },
  text: '',
});
const compare = (hours: number, operator: '>' | '>=' | '<', mm: number): Condition => ({
  kind: 'comparison',
  operator,
  left: sum(hours),
  text: '',
  right: { kind: 'number', value: mm, unit: 'mm', canonical: { numerator: mm, denominator: 1 } },
});
const level = (name: 'yellow' | 'orange' | 'red', hour: number, day: number): Rule['levels'][number] => ({
  level: name,
  holdMs: 0,
  condition: { kind: 'or', terms: [compare(1, '>=', hour), compare(24, '>', day)] },
});
const rainRule: Rule = {
  name: 'chuva-intensa',
  title: { 'pt-BR': '', en: '' },
  hazard: 'rain',
  subject: 'station',
  levels: [level('yellow', 20, 20), level('orange', 30, 50), level('red', 60, 100)],
  clear: { condition: compare(1, '<', 10), holdMs: HOUR },
  coverage: 0.8,
  expiresMs: 6 * HOUR,
  area: { kind: 'radius', km: 15 },
  cap: { urgency: 'Immediate', certainty: 'Observed', responseType: 'Prepare' },
  instruction: { 'pt-BR': '', en: '' },
};

// The raw files are not part of the repository: without ../shared/data there is nothing to compare.
describe.skipIf(!existsSync(stormFolder))('the truth of the storm, in SQL', () => {
  let storm: Storm | undefined;
  const truth = async (): Promise<Storm> => (storm ??= await stormTruth());

  test('counts and first instants are those found by hand', async () => {
    const { rain, first } = await truth();
    const at = (id: string, name: string): number | undefined =>
      first.find((f) => f.rule === 'rain' && f.station === id && f.level === name)?.at;
    const count = (name: string): number => first.filter((f) => f.rule === 'rain' && f.level === name).length;
    expect([count('yellow'), count('orange'), count('red')]).toEqual([40, 39, 27]);
    expect(first.find((f) => f.rule === 'rain' && f.level === 'red')).toMatchObject({
      station: 'A802',
      at: Date.UTC(2024, 3, 27, 12),
    });
    expect([at('A801', 'orange'), at('A801', 'red')]).toEqual([
      Date.UTC(2024, 3, 30, 6),
      Date.UTC(2024, 3, 30, 11),
    ]);
    expect(Math.max(...rain.filter((r) => r.station === 'A801').map((r) => r.sum ?? 0))).toBe(120_800);
    const intervals = alertIntervals(rain);
    expect([intervals.length, intervals.filter((i) => i.peak === 'red').length]).toEqual([114, 30]);
  });

  test('the naive fold agrees with SQL at every instant it evaluates', async () => {
    const { rain } = await truth();
    for (const station of ['A801', 'A832', 'A884', 'A893']) {
      const rows = rain.filter((r) => r.station === station);
      const reports = rows
        .filter((r) => r.reported)
        .map(
          (r): Report => ({
            station,
            observedAt: r.at,
            intervalMs: HOUR,
            receivedAt: r.at,
            quantities: r.value === null ? [] : ['rainfall'],
            values: r.value === null ? [] : [r.value],
          }),
        );
      const byInstant = new Map(rows.map((r) => [r.at, r]));
      const found = naiveFold(rainRule, reports);
      expect(found.length).toBeGreaterThan(6);
      for (const instant of found) {
        const row = byInstant.get(instant.at);
        expect({ station, at: instant.at, levels: instant.levels, clear: instant.clear }).toEqual({
          station,
          at: instant.at,
          levels: [row?.yellow, row?.orange, row?.red],
          clear: row?.clear,
        });
      }
    }
  });

  test('without gaps the naive level time line opens and closes where the intervals do', async () => {
    const { rain } = await truth();
    const rows = rain.filter((r) => r.station === 'A801');
    const reports = rows.map(
      (r): Report => ({
        station: 'A801',
        observedAt: r.at,
        intervalMs: HOUR,
        receivedAt: r.at,
        quantities: ['rainfall'],
        values: [r.value ?? 0],
      }),
    );
    const line = naiveFold(rainRule, reports);
    const changes = line
      .filter((now, i) => now.level !== (line[i - 1]?.level ?? null))
      .map((now) => ({ at: now.at, level: now.level }));
    const events = alertIntervals(rows).flatMap((i) =>
      i.events
        .filter((e) => e.event !== 'updated')
        .map((e) => ({ at: e.at, level: e.event === 'ended' ? null : e.level })),
    );
    expect(changes).toEqual(events);
  });
});
