import { expect, test } from 'vitest';
import type { AlertRevision } from '../../model/alert.ts';
import type { Border } from '../../model/area.ts';
import type { Rule } from '../../model/rule.ts';
import { station } from '../../stream/fixture.ts';
import { shapesOf } from './shapes.ts';

const home = { ...station('A801', '4314902'), latitude: -30, longitude: -51 };
const other = { ...station('A802', '4314902'), latitude: -30.1, longitude: -51.2 };
const ring = [
  [-30, -51],
  [-30, -52],
  [-31, -52],
  [-30, -51],
] as const;
const border = (id: string): Border | undefined =>
  id === '4314902' ? { id, name: 'Porto Alegre', polygons: [ring] } : undefined;

const revisionOf = (kind: 'station' | 'area', id: string, area?: object): AlertRevision =>
  ({ event: { subject: { kind, id } }, ...(area && { area }) }) as unknown as AlertRevision;
const ruleOf = (area: Rule['area']): Rule => ({ area }) as Rule;
const [region, circle] = [ruleOf({ kind: 'region' }), ruleOf({ kind: 'radius', km: 15 })];
const round = (km: number, ...all: readonly (typeof home)[]) =>
  all.map(({ latitude, longitude }) => ({ latitude, longitude, km }));

test('where an alert is told by place is where its CAP message says it is', () => {
  const [one, of] = [{ station: home }, { station: home, stations: [home, other] }];
  const byStation = revisionOf('station', 'A801');
  expect(shapesOf(byStation, circle, one, border)).toEqual(round(15, home));
  expect(shapesOf(byStation, region, one, border)).toEqual([{ polygon: ring }]);
  expect(shapesOf(byStation, region, one)).toEqual(round(0, home));
  // An area of the region's own has the border; a named one, and one without a border, what was measured round its stations.
  expect(shapesOf(revisionOf('area', '4314902'), region, of, border)).toEqual([{ polygon: ring }]);
  expect(shapesOf(revisionOf('area', 'vale'), region, of, border)).toEqual(round(10, home, other));
  expect(shapesOf(revisionOf('area', '4314902'), region, of)).toEqual(round(10, home, other));
  // What a person said of it comes first.
  expect(shapesOf(revisionOf('station', 'A801', { radiusKm: 3 }), region, one, border)).toEqual(
    round(3, home),
  );
  const drawn = [ring[0], ring[1], ring[2]];
  expect(shapesOf(revisionOf('station', 'A801', { polygon: drawn }), region, one, border)).toEqual([
    { polygon: drawn },
  ]);
  expect(shapesOf(byStation, region, undefined, border)).toEqual([]);
});
