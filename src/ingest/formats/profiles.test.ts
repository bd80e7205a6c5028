import { expect, test } from 'vitest';
import { decodeMessage } from './decode.ts';
import { message } from './fixture.ts';
import type { Profile } from './format.ts';

const context = { receivedAt: Date.parse('2027-01-01T00:00:00Z') };
const table =
  'st,time,t,wind,p\nA,2024-05-01 06:00,20,10,1000\nB,2024-05-01 06:00,68,10,29.53\nC,2024-05-01T06:00:00Z,20,10,1000\n';
const decode = (profiles: Profile['profiles']) =>
  decodeMessage(
    message(table),
    {
      format: 'csv',
      profile: {
        table: { station: 'st', time: ['time'] },
        stations: new Map(['A', 'B', 'C'].map((id) => [id, id])),
        quantities: new Map([
          ['t', 'airTemperature'],
          ['wind', 'windSpeed'],
          ['p', 'stationPressure'],
        ]),
        profiles,
      },
    },
    context,
  );

test('units and zone of one station are no other station’s', () => {
  const { reports, refusals } = decode(
    new Map([
      ['A', { timeZone: 'America/Sao_Paulo' }],
      [
        'B',
        {
          timeZone: 'America/Manaus',
          units: new Map([
            ['t', '°F'],
            ['wind', 'mph'],
            ['p', 'inHg'],
          ]),
        },
      ],
    ]),
  );
  expect(refusals).toEqual([]);
  const found = reports.map(({ report }) => [
    report.station,
    new Date(report.observedAt).toISOString().slice(11, 16),
    ...report.values,
  ]);
  expect(found.sort()).toEqual([
    ['A', '09:00', 20_000, 1_000_000, 10_000],
    ['B', '10:00', 20_000, 1_000_001, 4470],
    ['C', '06:00', 20_000, 1_000_000, 10_000],
  ]);
});

test('a time without zone is refused where no profile names one, with what to do', () => {
  const { reports, refusals } = decode(new Map([['A', { timeZone: 'America/Sao_Paulo' }]]));
  expect(reports.map(({ report }) => report.station).sort()).toEqual(['A', 'C']);
  expect(refusals).toMatchObject([
    { code: 'time', message: expect.stringContaining('name it in the source (timeZone: America/Sao_Paulo)') },
  ]);
});

test('a time that local clocks skip is refused; one that they show twice is the first', () => {
  const at = (time: string) =>
    decodeMessage(
      message(`st,time,t\nA,${time},20\n`),
      {
        format: 'csv',
        profile: {
          table: { station: 'st', time: ['time'] },
          quantities: new Map([['t', 'airTemperature']]),
          timeZone: 'America/Sao_Paulo',
        },
      },
      context,
    );
  // 2018-11-04: midnight to one o'clock did not exist; 2019-02-17: the hour before midnight of the 16th came twice.
  expect(at('2018-11-04 00:30').refusals).toMatchObject([{ code: 'time' }]);
  expect(at('2018-11-04 01:30').reports[0]?.report.observedAt).toBe(Date.parse('2018-11-04T03:30:00Z'));
  expect(at('2019-02-16 23:30').reports[0]?.report.observedAt).toBe(Date.parse('2019-02-17T01:30:00Z'));
});
