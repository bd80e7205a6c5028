import { expect, it } from 'vitest';
import type { Area } from '../../model/area.ts';
import { station } from '../../stream/fixture.ts';
import { placeOf } from './places.ts';

const stations = [station('B2', '4314902'), station('A1', '4314902'), station('C3', '4300000')];
const areas: Area[] = [
  { id: 'vale', name: { 'pt-BR': 'Vale', en: 'Valley' }, region: '4300000', stations: ['C3', 'A1', 'gone'] },
];
const registry = {
  station: (id: string) => stations.find((one) => one.id === id),
  stations: () => stations,
  areas: () => areas,
};

it('finds stations, regions and named areas, with the stations in them', () => {
  expect(placeOf({ kind: 'station', id: 'B2' }, registry)).toEqual({ station: stations[0] });
  expect(placeOf({ kind: 'area', id: '4314902' }, registry)).toMatchObject({
    station: { id: '4314902', name: 'A1', region: '4314902' },
    stations: [{ id: 'A1' }, { id: 'B2' }],
  });
  expect(placeOf({ kind: 'area', id: 'vale' }, registry)).toMatchObject({
    station: { id: 'vale', name: 'Vale', region: '4300000' },
    stations: [{ id: 'A1' }, { id: 'C3' }],
  });
});

it('finds nothing of what is gone', () => {
  expect(placeOf({ kind: 'station', id: 'X' }, registry)).toBeUndefined();
  expect(placeOf({ kind: 'area', id: 'X' }, registry)).toBeUndefined();
});
