import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { formatInstant, HOUR_MS, MINUTE_MS } from '../../src/model/time.ts';
import { freePort, Program, temporaryFolder, until } from './server.ts';

// A whole process whose rain gauges stand within 10 km of each other; one of them counts what nobody else does.

const folder = temporaryFolder();
const programs: Program[] = [];
afterAll(async () => {
  for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
  folder.remove();
});

const gauges = Array.from({ length: 7 }, (_, i) => `G${i}`);

async function start(): Promise<string> {
  const program = new Program(['start', '--port', String(await freePort())], {
    cwd: folder.path,
    env: { ATALAIA_LOG_LEVEL: 'warn' },
  });
  programs.push(program);
  return program.listening();
}

interface Answer {
  readonly health: { readonly state: string; readonly suspect: object[]; readonly isolated: string[] };
}
const healthOf = async (url: string, id: string): Promise<Answer['health']> =>
  ((await (await fetch(`${url}/api/v1/stations/${id}`)).json()) as Answer).health;

test('a gauge far above its neighbours is told, counted, kept beside its readings, and still there after a kill', async () => {
  writeFileSync(
    join(folder.path, 'stations.csv'),
    `id,name,latitude,longitude,altitude,region,timeZone,interval\n${gauges
      .map((id, i) => `${id},${id},${-30 + i * 0.01},-51,10,r${i % 3},America/Sao_Paulo,PT10M`)
      .join('\n')}\n`,
  );
  writeFileSync(
    join(folder.path, 'atalaia.yaml'),
    'stations: { file: stations.csv }\npipeline: { partitions: 4 }\n',
  );
  // The newest hour that is judged, of all that came after it: twenty minutes have to be over.
  const end = Math.floor((Date.now() - 20 * MINUTE_MS) / HOUR_MS) * HOUR_MS;
  let url = await start();
  const lines: string[] = [];
  for (let at = end - 2 * HOUR_MS + 10 * MINUTE_MS; at <= Date.now(); at += 10 * MINUTE_MS)
    for (const station of gauges) {
      const isWild = station === 'G3' && at > end - HOUR_MS;
      const values = { rainfall: isWild ? 25 : 0.2 };
      lines.push(JSON.stringify({ station, observedAt: formatInstant(at), interval: 'PT10M', values }));
    }
  const answer = await fetch(`${url}/api/v1/observations`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.join('\n'),
  });
  expect(await answer.json()).toMatchObject({ accepted: lines.length, rejected: [] });

  const expected = {
    state: 'suspect',
    suspect: [
      {
        ...{ quantity: 'rainfall', flag: 'suspect', check: 'high-influx', isCounted: true },
        since: formatInstant(end),
      },
    ],
  };
  const isTold = async (): Promise<boolean> => (await healthOf(url, 'G3')).suspect.length > 0;
  const seen = async (): Promise<void> => {
    await until(isTold, 120_000, 'the gauge to be told');
    const { state, suspect } = await healthOf(url, 'G3');
    // Stations of these few quantities lack others: the rung may be `partial`.
    expect(['suspect', 'partial']).toContain(state);
    expect(suspect).toEqual(expected.suspect);
    for (const id of gauges.filter((one) => one !== 'G3'))
      expect((await healthOf(url, id)).suspect).toEqual([]);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain(
      'atalaia_stations_suspect{check="high-influx"} 1\n',
    );
    const query = `from=${formatInstant(end - 2 * HOUR_MS)}&to=${formatInstant(end + 1000)}`;
    const marksOf = async (id: string) => {
      const page = await fetch(`${url}/api/v1/stations/${id}/observations?${query}`);
      const { items } = (await page.json()) as {
        items: { at: string; values: { rainfall: { value: number; flag: string; marks?: object[] } } }[];
      };
      return items.map(({ values: { rainfall } }) => [rainfall.value, rainfall.flag, rainfall.marks ?? []]);
    };
    const mark = {
      ...{ check: 'high-influx', value: 150 },
      ...{ from: formatInstant(end - HOUR_MS), to: formatInstant(end) },
    };
    await until(
      async () => JSON.stringify(await marksOf('G3')).includes('high-influx'),
      20_000,
      'the mark to be kept',
    );
    expect(await marksOf('G3')).toEqual([
      ...Array(6).fill([0.2, 'good', []]),
      ...Array(6).fill([25, 'good', [mark]]),
    ]);
    expect(await marksOf('G2')).toEqual(Array(12).fill([0.2, 'good', []]));
  };
  await seen();
  // A killed process loses neither what was archived nor what neighbours said of it.
  await programs.at(-1)?.signal('SIGKILL');
  url = await start();
  await seen();
});
