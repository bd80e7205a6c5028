import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { freePort, Program, root, temporaryFolder, until } from './server.ts';

// A dam breach is phoned in: a whole process raises it, is killed, and goes on with it.

const folder = temporaryFolder();
const programs: Program[] = [];
afterAll(async () => {
  for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
  folder.remove();
});

async function start(): Promise<string> {
  const program = new Program(['start', '--port', String(await freePort())], {
    cwd: folder.path,
    env: { ATALAIA_LOG_LEVEL: 'warn' },
  });
  programs.push(program);
  return program.listening();
}

const post = (url: string, path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(`${url}/api/v1/alerts${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'atalaia-operator': 'Ana', ...headers },
    body: JSON.stringify(body),
  });

test('an alert raised from a template is in force at once, survives a crash, and ends by a person', async () => {
  writeFileSync(
    join(folder.path, 'stations.csv'),
    'id,name,latitude,longitude,altitude,region,timeZone,interval\nS1,Norte,-30,-51,10,4314902,America/Sao_Paulo,PT1H\n',
  );
  writeFileSync(
    join(folder.path, 'atalaia.yaml'),
    `stations: { file: stations.csv }
rules: [${join(root, 'rules/templates')}]
pipeline: { partitions: 4 }
`,
  );
  let url = await start();
  const { items: templates } = (await (await fetch(`${url}/api/v1/templates`)).json()) as {
    items: { name: string }[];
  };
  expect(templates.map(({ name }) => name)).toContain('rompimento-barragem');
  const body = {
    template: 'rompimento-barragem',
    shape: { latitude: -30.1, longitude: -51.1, km: 8, name: 'Vale do Rio Pardo' },
    expires: '2h',
    reason: 'the dam phoned',
  };
  const key = { 'idempotency-key': 'one-breach' };
  const raised = await post(url, '', body, key);
  expect(raised.status).toBe(201);
  const alert = (await raised.json()) as { alert: string; revision: number; level: string; hazard: string };
  expect(alert).toMatchObject({ revision: 1, event: 'raised', level: 'red', hazard: 'dam', state: 'active' });
  expect(raised.headers.get('location')).toBe(`/api/v1/alerts/${alert.alert}`);
  expect(((await (await post(url, '', body, key)).json()) as typeof alert).alert).toBe(alert.alert);
  expect((await post(url, '', { ...body, level: 'yellow' }, key)).status).toBe(422);

  await (programs.at(-1) as Program).signal('SIGKILL');
  url = await start();
  const one = `${url}/api/v1/alerts/${alert.alert}`;
  let cap = '';
  await until(
    async () => {
      cap = await (await fetch(`${one}/cap.xml`)).text();
      return cap.includes('<alert');
    },
    10_000,
    'the CAP message',
  );
  expect(cap).toContain('<status>Exercise</status>');
  expect(cap).toContain('<areaDesc>Vale do Rio Pardo</areaDesc>');
  expect(cap).toContain('<responseType>Evacuate</responseType>');
  expect(cap).toContain('EXERCÍCIO: Grande perigo: Rompimento de barragem');
  expect(cap).toContain('Leave the river banks now');

  const act = (name: string, what: object, revision: number) =>
    post(url, `/${alert.alert}/${name}`, what, { 'if-match': `"${revision}"` });
  expect((await act('edit', { level: 'orange' }, 1)).status).toBe(200);
  const cancelled = await act('cancel', { reason: 'it held' }, 2);
  expect(await cancelled.json()).toMatchObject({
    state: 'ended',
    endReason: 'cancelled',
    acts: [{ act: 'raise', by: 'Ana', reason: 'the dam phoned' }, { act: 'edit' }, { act: 'cancel' }],
  });
  await until(
    async () => (await (await fetch(`${one}/cap.xml`)).text()).includes('<msgType>Cancel</msgType>'),
    10_000,
    'the cancelling message',
  );

  const refused = async (what: object): Promise<string> => {
    const answer = await post(url, '', { template: 'inundacao', reason: 'x', ...what });
    return `${answer.status} ${((await answer.json()) as { detail: string }).detail}`;
  };
  expect(await refused({})).toMatch(/^422 .*no place/);
  const claim = { 'pt-BR': 'Isto não é um exercício.', en: 'This is not a drill.' };
  expect(await refused({ station: 'S1', text: claim })).toMatch(/^422 .*exercise/);
  expect(await refused({ station: 'S9' })).toMatch(/^422 .*no S9/);
  expect(await refused({ area: '4314902', radiusKm: 3 })).toMatch(/^422 .*radius/);
  expect(await refused({ station: 'S1', template: 'nope' })).toMatch(/^422 .*no nope/);
  expect(await refused({ shape: { latitude: 10, longitude: 10, km: 5, name: 'far' } })).toMatch(
    /^422 .*near/,
  );
  expect((await post(url, '', { hazard: 'rain', level: 'red', area: '4314902', reason: 'x' })).status).toBe(
    422,
  );
}, 120_000);
