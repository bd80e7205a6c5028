import { describe, expect, it } from 'vitest';
import { formatStations, parseStations } from './stations.ts';

const header = 'id,name,latitude,longitude,altitude,region,timeZone,interval';

describe('parseStations', () => {
  it('reads what formatStations writes', () => {
    const stations = [
      {
        id: 'A801',
        name: 'Porto Alegre, "centro"',
        latitude: -30.05,
        longitude: -51.17,
        altitude: 41.18,
        region: '4314902',
        timeZone: 'America/Sao_Paulo',
        intervalMs: 3_600_000,
      },
      {
        id: 'x:1',
        name: 'São José',
        latitude: 1,
        longitude: 2,
        altitude: null,
        region: 'r',
        timeZone: 'UTC',
        intervalMs: null,
      },
      {
        id: 'y',
        name: 'Y',
        latitude: 1,
        longitude: 2,
        altitude: 0,
        region: 'r',
        timeZone: 'UTC',
        intervalMs: 90_000,
      },
    ];
    expect(parseStations(formatStations(stations), 'f.csv')).toEqual({ stations, problems: [] });
  });

  it('names file, line, column and the nearest header', () => {
    expect(parseStations('id,name,latitud,longitude,altitude,region\n', 'f.csv').problems[0]).toBe(
      'f.csv, line 1, field 3: "latitud" is no known column; did you mean latitude?',
    );
    const { stations, problems } = parseStations(
      `${header}\nA,a,91,0,,r,,\nB,b,1,2,,r,Mars/Base,\nC,c,1,2,,r,,1x\nD,d,1,2,,r,,PT1H\nD,d,1,2,,r,,\n`,
      'f.csv',
    );
    expect(stations.map((station) => station.id)).toEqual(['D']);
    expect(problems.map((text) => text.split(':')[0])).toEqual([
      'f.csv, line 2, column latitude',
      'f.csv, line 3, column timeZone',
      'f.csv, line 4, column interval',
      'f.csv, line 6, column id',
    ]);
  });

  it('says when it is empty', () => expect(parseStations('', 'f.csv').problems[0]).toContain('header'));
});
