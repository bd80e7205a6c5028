import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openDatabase } from '../../src/store/ledger/sqlite/database.ts';
import { freePort, Program, run, temporaryFolder } from './server.ts';

// Who did what, over HTTP and by commands, and what the command says of a log that somebody has touched.

const folder = temporaryFolder();
const programs: Program[] = [];
afterAll(async () => {
  for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
  folder.remove();
});

interface Entry {
  readonly number: number;
  readonly action: string;
  readonly by: string;
  readonly subject: string;
  readonly reason?: string;
  readonly refused?: string;
}

test('every change is in the log, and one that was touched is named', async () => {
  const cwd = folder.path;
  writeFileSync(
    join(cwd, 'stations.csv'),
    'id,name,latitude,longitude,altitude,region,timeZone,interval\nS1,Norte,-30,-51,10,r1,America/Sao_Paulo,PT1H\n',
  );
  writeFileSync(join(cwd, 'atalaia.yaml'), 'stations: { file: stations.csv }\npipeline: { partitions: 2 }\n');
  const program = new Program(['start', '--port', String(await freePort())], { cwd });
  programs.push(program);
  const url = `${await program.listening()}/api/v1`;
  const post = async (path: string, body: object, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'atalaia-operator': 'Ana', ...headers },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json().catch(() => ({}))) as { alert?: string } };
  };
  const raised = await post('/alerts', {
    hazard: 'dam',
    level: 'red',
    text: { 'pt-BR': 'Saia.', en: 'Leave.' },
    station: 'S1',
    reason: 'phoned in',
  });
  expect(raised.status).toBe(201);
  const { alert } = raised.body;
  expect(
    (await post(`/alerts/${alert}/cancel`, { reason: 'it held', correction: true }, { 'if-match': '"1"' }))
      .status,
  ).toBe(200);
  const cap = await (await fetch(`${url}/alerts/${alert}`)).json();
  expect(cap).toMatchObject({ correction: { en: expect.stringMatching(/^False alarm/) } });
  const until = new Date(Date.now() + 3_600_000).toISOString();
  expect(
    (await post('/silences', { matchers: { rule: ['x'] }, reason: 'works', until, author: 'Rui' })).status,
  ).toBe(201);
  expect((await post('/silences', { matchers: {}, reason: 'works', until, author: 'Rui' })).status).toBe(422);

  // A user who is made: from here on the server asks who calls, so the log is read before.
  const { items } = (await (await fetch(`${url}/audit?after=0`)).json()) as { items: Entry[] };
  expect(
    items.map(({ number, action, by, reason, refused }) => [number, action, by, reason, refused]),
  ).toEqual([
    [1, 'alert.raise', 'Ana', 'phoned in', undefined],
    [2, 'alert.cancel', 'Ana', 'it held', undefined],
    [3, 'postSilence', 'Rui', 'works', undefined],
    [4, 'postSilence', 'Rui', 'works', undefined],
    [5, 'postSilence', 'Rui', 'works', 'HTTP 422'],
  ]);
  const newest = await (await fetch(`${url}/audit?limit=2`)).json();
  expect(newest).toMatchObject({ items: [{ number: 5 }, { number: 4 }], next: '4' });
  const older = await (await fetch(`${url}/audit?limit=3&cursor=4`)).json();
  expect(older).toMatchObject({ items: [{ number: 3 }, { number: 2 }, { number: 1 }], next: null });
  const key = await run(['key', 'add', 'gateway', '--all'], { cwd });
  expect(key.status, key.stderr).toBe(0);
  expect((await fetch(`${url}/audit`)).status).toBe(200);
  await program.signal('SIGTERM');

  const whole = await run(['audit', 'verify'], { cwd });
  expect([whole.status, whole.stdout]).toEqual([
    0,
    expect.stringMatching(/^6 entries are whole\nhead [0-9a-f]{64}\n$/),
  ]);
  const head = /head (\w+)/.exec(whole.stdout)?.[1] ?? '';
  expect((await run(['audit', 'list'], { cwd })).stdout.split('\n')[5]).toMatch(/\tkey\.add\tgateway\t/);

  const file = openDatabase(join(cwd, 'data', 'ledger.sqlite'));
  const tamper = (sql: string): void => file.script(sql);
  expect(() => tamper("UPDATE audit SET json = '{}' WHERE number = 2")).toThrow(/only added to/);
  expect(() => tamper('DELETE FROM audit WHERE number = 6')).toThrow(/only added to/);
  tamper('DROP TRIGGER audit_keeps; DROP TRIGGER audit_stays;');
  tamper('DELETE FROM audit WHERE number = 6');
  const cut = await run(['audit', 'verify', '--head', head], { cwd });
  expect([cut.status, cut.stdout]).toEqual([
    1,
    expect.stringMatching(/5 entries are whole[\s\S]*was cut off/),
  ]);
  tamper("UPDATE audit SET json = replace(json, 'it held', 'a mistake') WHERE number = 2");
  const broken = await run(['audit', 'verify'], { cwd });
  expect([broken.status, broken.stdout]).toEqual([1, 'broken at entry 2: its text does not fit its hash\n']);
  tamper('DELETE FROM audit WHERE number = 1');
  expect((await run(['audit', 'verify'], { cwd })).stdout).toContain('broken at entry 1: entry 1 is missing');
  file.close();
}, 120_000);
