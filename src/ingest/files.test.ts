import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import type { Report } from '../model/report.ts';
import { openInmet } from './decode/inmet.ts';
import { openFiles } from './files.ts';
import { createRefusalCount } from './refusal-count.ts';

async function gather<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

const folder = mkdtempSync(join(tmpdir(), 'atalaia-files-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const head = (id: string) =>
  `REGI\u00c3O:;S\r\nUF:;RS\r\nESTACAO:;S\u00c3O JO\u00c3O\r\nCODIGO (WMO):;${id}\r\nLATITUDE:;-30,05\r\nLONGITUDE:;-51,1\r\nALTITUDE:;;\r\nDATA:;x\r\nData;Hora UTC;\r\n`;
const row = (time: string, rain: string, gust = '') => `${time};${rain};;;;;;;;;;;;;;;${gust};,8;\r\n`;
const collect = async (source: AsyncIterable<Report>): Promise<Report[]> => gather(source);

describe('openInmet', () => {
  it('reads both date forms, decimal commas and missing values; refuses by name', async () => {
    const text = `${head('A801') + row('2024/01/01;0000 UTC', ',8', '-9999') + row('2007-01-01;01:00', '999')}2024/01/01;0200 UTC;;;;;;;;;;;;;;;;;;\r\nx\r\n2024/01/01;2400 UTC;1;;;;;;;;;;;;;;;;;\r\n`;
    const refusals = createRefusalCount();
    const inmet = await openInmet(file('a.CSV.gz', gzipSync(Buffer.from(text, 'latin1'))), { refusals });
    expect(inmet.station).toEqual({
      id: 'A801',
      name: 'SÃO JOÃO',
      latitude: -30.05,
      longitude: -51.1,
      altitude: null,
      region: 'RS/sao-joao',
      timeZone: 'America/Sao_Paulo',
      intervalMs: 3_600_000,
    });
    const reports = (await gather(inmet.reports())).flat();
    expect(reports.map((r) => [r.observedAt, r.quantities, r.values])).toEqual([
      [Date.UTC(2024, 0, 1), ['rainfall', 'windSpeed'], [800, 800]],
      [Date.UTC(2007, 0, 1, 1), ['windSpeed'], [800]],
    ]);
    expect([...refusals.byCode]).toEqual([
      ['range', 1],
      ['time', 2],
    ]);
    expect(refusals.first[0]).toMatchObject({ index: 11, quantity: 'rainfall' });
  });

  it('undoes a double encoding and refuses other files', async () => {
    const inmet = await openInmet(file('u.csv', Buffer.from(head('A802'), 'utf8')), {
      refusals: createRefusalCount(),
    });
    expect(inmet.station.name).toBe('SÃO JOÃO');
    await expect(openInmet(file('no.csv', 'a;b\n'), { refusals: createRefusalCount() })).rejects.toThrow(
      /no yearly file/,
    );
    await expect(openInmet(join(folder, 'none'), { refusals: createRefusalCount() })).rejects.toThrow(
      /cannot be opened/,
    );
  });
});

describe('openFiles', () => {
  const line = (station: string, hour: number, rain = 1) =>
    JSON.stringify({
      station,
      observedAt: new Date(Date.UTC(2024, 0, 1, hour)).toISOString(),
      values: { rainfall: rain },
    });

  it('merges by time and station whatever the order of files and rows', async () => {
    const paths = [
      file('late.ndjson', [line('B', 5), line('A', 3), '{bad', line('B', 1)].join('\n')),
      file(
        'i.csv',
        Buffer.from(
          head('A801') + [0, 1, 2, 3, 4].map((h) => row(`2024/01/01;0${h}00 UTC`, '0')).join(''),
          'latin1',
        ),
      ),
      file('t.csv', 'station,observedAt,quantity,value\nC,2024-01-01T03:00:00Z,rainfall,2\n'),
    ];
    const expected = ['0 A801', '1 A801', '1 B', '2 A801', '3 A', '3 A801', '3 C', '4 A801', '5 B'];
    for (const order of [paths, paths.toReversed()]) {
      const files = await openFiles(order, { delayMs: 60_000 });
      const reports = await collect(files);
      expect(reports.map((r) => `${new Date(r.observedAt).getUTCHours()} ${r.station}`)).toEqual(expected);
      expect(reports.every((r) => r.receivedAt === r.observedAt + 60_000)).toBe(true);
      expect([...files.refusals.byCode]).toEqual([['form', 1]]);
      expect(files.stations.has('A801')).toBe(true);
    }
  });

  it('cuts by from and to, and sorts yearly files out of order', async () => {
    const path = file(
      'o.csv',
      Buffer.from(head('A801') + [2, 4, 3].map((h) => row(`2024/01/01;0${h}00 UTC`, '0')).join(''), 'latin1'),
    );
    const reports = await collect(await openFiles([path], { from: Date.UTC(2024, 0, 1, 3) }));
    expect(reports.map((r) => new Date(r.observedAt).getUTCHours())).toEqual([3, 4]);
  });

  it('says when a format is not known and when gzip is cut short', async () => {
    await expect(openFiles([file('x.txt', 'hello\n')])).rejects.toThrow(/--format/);
    const cut = gzipSync(
      Array.from({ length: 5000 }, (_, i) => line(`S${i}`, i % 24, i % 90)).join('\n'),
    ).subarray(0, 20_000);
    await expect(openFiles([file('cut.gz', cut)])).rejects.toThrow(/damaged or cut short/);
  });
});
