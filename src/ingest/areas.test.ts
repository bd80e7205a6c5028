import { expect, test } from 'vitest';
import type { Station } from '../model/station.ts';
import { parseAreas } from './areas.ts';

const station = (id: string, region: string): Station => ({
  id,
  name: id,
  latitude: -30,
  longitude: -51,
  altitude: null,
  region,
  timeZone: 'UTC',
  intervalMs: 3_600_000,
});
const registry = [station('A801', '4314902'), station('A802', '4314902'), station('B803', '4318705')];
const good = `- id: guaiba
  name: { pt-BR: Bacia do Guaíba, en: Guaíba basin }
  region: '4314902'
  stations: [A801, B803]
`;

test('a list, a map of it, and JSON give the same areas', () => {
  const wanted = [
    {
      id: 'guaiba',
      name: { 'pt-BR': 'Bacia do Guaíba', en: 'Guaíba basin' },
      region: '4314902',
      stations: ['A801', 'B803'],
    },
  ];
  const wrapped = `areas:\n${good.replace(/^/gm, '  ')}`;
  for (const text of [good, wrapped, JSON.stringify(wanted), JSON.stringify({ areas: wanted })])
    expect(parseAreas(text, 'areas.yaml', registry)).toEqual({ areas: wanted, problems: [] });
});

test('the name is the id and the region that of the first station where they are left out', () => {
  expect(parseAreas('- { id: x, stations: [B803, A801] }', 'a.yaml', registry)).toEqual({
    areas: [{ id: 'x', name: 'x', region: '4318705', stations: ['B803', 'A801'] }],
    problems: [],
  });
});

test('a region code without quotes is read as written', () => {
  expect(parseAreas('- { id: x, region: 0431, stations: [A] }', 'a.yaml').areas[0]?.region).toBe('0431');
});

test.each([
  [
    'unknown station',
    good.replace('B803', 'B083'),
    '4, column 20',
    'B083, which is not in the registry; did you mean B803',
  ],
  ['a station far from any', good.replace('B803', 'XYZXYZ'), '4, column 20', 'add it to the registry'],
  ['no station', good.replace('[A801, B803]', '[]'), '4, column 13', 'lists no station'],
  ['stations left out', '- { id: x, region: "4314902" }', '1, column 3', 'lacks the key "stations"'],
  ['stations as text', good.replace('[A801, B803]', 'A801, B803'), '4, column 13', 'must be a list'],
  ['stations null', good.replace('[A801, B803]', ''), '4, column 13', 'must be a list'],
  ['a station twice', good.replace('B803', 'A801'), '4, column 20', 'lists station A801 twice'],
  ['an empty station', good.replace('B803', '""'), '4, column 20', 'is empty'],
  ['a nested list', good.replace('B803', '[B803]'), '4, column 20', 'must be text'],
  ['id left out', good.replace('id: guaiba', 'nome: x'), '1, column 3', '"nome"'],
  ['misspelt key', good.replace('stations', 'station'), '4, column 3', 'did you mean "stations"'],
  ['id with a space', good.replace('guaiba', 'rio guaiba'), '1, column 7', 'letters, digits'],
  ['id of a region', good.replace('guaiba', '4314902'), '1, column 7', 'is the code of a region'],
  ['the same area twice', good + good, '5, column 7', 'stands twice'],
  ['unknown region', good.replace('4314902', '4314903'), '3, column 11', 'did you mean 4314902'],
  ['one language', good.replace(', en: Guaíba basin', ''), '2, column 9', 'lacks the key "en"'],
  ['an area that is text', '- guaiba', '1, column 3', 'must be a map'],
  ['a map of areas', 'guaiba: { stations: [A801] }', '1, column 1', '"guaiba"'],
  ['nothing', '', '1, column 1', 'no area is given'],
  ['text', 'areas', '1, column 1', 'must be a list'],
  ['broken YAML', '- { id: x', '1, column', 'YAML'],
  ['an anchor', '- &a { id: x, stations: [A801] }\n- *a', '2, column 3', 'aliases'],
])('%s', (_, text, place, message) => {
  const { problems } = parseAreas(text, 'areas.yaml', registry);
  expect(problems.find((one) => one.includes(message))).toContain(`areas.yaml, line ${place}`);
});

test('without a registry stations are not looked up, but the region must stand', () => {
  expect(parseAreas(good, 'a.yaml').problems).toEqual([]);
  expect(parseAreas('- { id: x, stations: [A] }', 'a.yaml').problems).toEqual([
    'a.yaml, line 1, column 3: an area lacks the key "region": the region that is its home',
  ]);
});

test('an area with a flaw is left out, the others stand', () => {
  const { areas, problems } = parseAreas(`${good}- { id: y, stations: [A999] }`, 'a.yaml', registry);
  expect([areas.map(({ id }) => id), problems.length]).toEqual([['guaiba'], 1]);
});
