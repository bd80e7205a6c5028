import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Program, root, run, temporaryFolder, until } from './server.ts';

// Who may do what on a server that more than its own machine can ask: whole processes, the real command line.

const folder = temporaryFolder();
const programs: Program[] = [];
afterAll(async () => {
  for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
  folder.remove();
});

let made = 0;
/** A folder with a configuration; the door `garden` speaks Wunderground's protocol, `own` has a key of its own. */
function configured(yaml: string): string {
  const path = join(folder.path, String(++made));
  mkdirSync(path);
  writeFileSync(
    join(path, 'stations.csv'),
    `id,name,latitude,longitude,altitude,region,timeZone,interval
A1,Um,-30,-51,10,RS,America/Sao_Paulo,PT1H
A2,Dois,-30.1,-51.1,10,RS,America/Sao_Paulo,PT1H
B1,Tres,-23,-46,700,SP,America/Sao_Paulo,PT1H
`,
  );
  writeFileSync(
    join(path, 'atalaia.yaml'),
    `rules: [${join(root, 'rules/inmet')}]
stations: { file: stations.csv }
pipeline: { partitions: 4 }
sources:
  - { kind: http, name: garden, format: wunderground, stations: { IPOA1: A1, ISAO1: B1 } }
  - { kind: http, name: own, format: wunderground, key: open-sesame, stations: { ISAO1: B1 } }
${yaml}`,
  );
  return path;
}

/** A command with something on standard input; its exit status and what it wrote. */
async function command(cwd: string, args: readonly string[], input = '') {
  const child = spawn(process.execPath, [join(root, 'src/main.ts'), ...args], {
    cwd,
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined).end(input);
  const [status] = (await once(child, 'close')) as [number];
  return { status, stdout, stderr };
}

const PASSWORDS = {
  ana: 'quatro palavras de uma frase',
  bia: 'uma chuva que nao passa',
  leo: 'so leio, nao mexo nisto',
};
const addUser = (cwd: string, name: keyof typeof PASSWORDS, role: string, ...rest: string[]) =>
  command(cwd, ['user', 'add', name, '--role', role, ...rest], `${PASSWORDS[name]}\n`);
const addKey = async (cwd: string, ...args: string[]): Promise<string> => {
  const { stdout, stderr } = await command(cwd, ['key', 'add', ...args]);
  expect(stdout, stderr).toMatch(/^atk_[\w-]{43}\n$/);
  return stdout.trim();
};

async function started(cwd: string): Promise<string> {
  const program = new Program(['start', '--port', '0'], { cwd });
  programs.push(program);
  return (await program.listening()).replace('0.0.0.0', '127.0.0.1');
}

const HOUR_MS = 3_600_000;
const hour = `${new Date(Math.floor(Date.now() / HOUR_MS) * HOUR_MS).toISOString().slice(0, 19)}Z`;
const reports = (...stations: string[]) =>
  stations.map((station) => ({ station, observedAt: hour, values: { airTemperature: 20 } }));

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}
async function ask(
  url: string,
  method = 'GET',
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const json = body === undefined ? {} : { body: JSON.stringify(body) };
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const answer = await fetch(url, { method, ...json, headers: { ...type, ...headers } });
  const text = await answer.text();
  const isJson = /json/.test(answer.headers.get('content-type') ?? '');
  return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : { text } };
}
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

/** Signs in as a page of the server would; the cookie and the origin go with every request of it. */
async function signedIn(url: string, name: keyof typeof PASSWORDS): Promise<Record<string, string>> {
  const answer = await ask(
    `${url}/api/v1/session`,
    'POST',
    { name, password: PASSWORDS[name] },
    { origin: url },
  );
  expect(answer.body).toMatchObject({ required: true, user: { name } });
  const cookie = answer.headers.get('set-cookie') ?? '';
  expect(cookie).toMatch(/^(__Host-)?atalaia=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict/);
  return { cookie: cookie.split(';')[0] as string, origin: url };
}

describe('an open address with real warnings', () => {
  const cwd = configured('environment: actual\nlisten: 0.0.0.0:0\n');

  test('starts with an admin and a key alone, and says how to get them', async () => {
    const examined = await command(cwd, ['doctor', '--config', 'atalaia.yaml', '--ntp', 'none']);
    expect(examined.stdout).toMatch(/^fail\taccess\t0 users, 0 station keys.*key add NAME --all/m);
    const start = () => run(['start', '--port', '0'], { cwd });
    const bare = await start();
    expect([bare.status, bare.stderr]).toEqual([
      78,
      expect.stringMatching(
        /atalaia user add NAME --role admin --config .*\n.*atalaia key add NAME --all --config/,
      ),
    ]);
    expect(await addUser(cwd, 'bia', 'operator', '--areas', 'RS')).toMatchObject({ status: 0 });
    await addKey(cwd, 'gone', '--all', '--ends', '2999-01-01T00:00:00Z');
    expect((await start()).stderr).toMatch(/user add NAME --role admin/);
    expect(await addUser(cwd, 'ana', 'admin')).toMatchObject({ status: 0 });
    const { stdout } = await command(cwd, ['key', 'list']);
    await command(cwd, ['key', 'remove', stdout.split('\t')[0] as string]);
    const keyless = await start();
    expect([keyless.status, keyless.stderr]).toEqual([78, expect.not.stringContaining('user add')]);
  });

  test('refuses a password that will not do, and to be without an admin', async () => {
    const add = (role: string, input: string) => command(cwd, ['user', 'add', 'cid', '--role', role], input);
    expect(await add('viewer', 'short\n')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('12 to 200'),
    });
    expect(await add('viewer', '')).toMatchObject({ status: 2 });
    expect(await command(cwd, ['user', 'remove', 'ana'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('last admin'),
    });
  });

  let url = '';
  let all = '';
  let ana: Record<string, string> = {};
  const send = (stations: string[], headers = {}) =>
    ask(`${url}/api/v1/observations`, 'POST', reports(...stations), headers);
  const upload = (door: string, id: string, more: string) => {
    const at = encodeURIComponent(hour.slice(0, 19).replace('T', ' '));
    return ask(`${url}/in/${door}?ID=${id}&dateutc=${at}&tempf=50${more}`);
  };
  const put = (id: string, region: string, who: Record<string, string>) => {
    const station = { name: 'Nova', latitude: -30, longitude: -51, region, timeZone: 'UTC' };
    return ask(`${url}/api/v1/stations/${id}`, 'PUT', station, who);
  };

  test('starts then, and shows the public what is public', async () => {
    all = await addKey(cwd, 'gateway', '--all');
    await addUser(cwd, 'leo', 'viewer');
    const examined = await command(cwd, ['doctor', '--config', 'atalaia.yaml', '--ntp', 'none']);
    expect(examined.stdout).toMatch(/^ok\taccess\t3 users, 1 station keys$/m);
    url = await started(cwd);
    for (const path of [
      'healthz',
      'readyz',
      'cap/feed.atom',
      'api/v1/alerts',
      'api/v1/stations',
      'api/v1/status',
    ])
      expect([path, (await ask(`${url}/${path}`)).status]).toEqual([path, 200]);
    for (const path of [
      'metrics',
      'api/v1/quarantine',
      'api/v1/subscriptions',
      'api/v1/keys',
      'api/v1/tokens',
    ])
      expect([path, (await ask(`${url}/${path}`)).status]).toEqual([path, 401]);
  });

  test('takes reports with a key alone, of the stations that it is for, at its rate', async () => {
    const refused = await send(['A1']);
    expect([refused.status, refused.body.code]).toEqual([401, 'ATL_UNAUTHORIZED']);
    expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect((await send(['A1'], bearer(`${all}x`))).status).toBe(401);
    expect((await send(['A1'], { 'atalaia-operator': 'ana' })).status).toBe(401);
    expect(await send(['A1', 'B1'], bearer(all))).toMatchObject({ status: 202, body: { accepted: 2 } });
    expect(await send(['A2'], { 'x-api-key': all })).toMatchObject({ status: 202 });
    // Added beside the running server: it is known soon. 0.001 a second, one at once: the second one has to wait.
    const rs = bearer(await addKey(cwd, 'rs', '--regions', 'RS', '--per-second', '0.001'));
    let answer = await send(['A2', 'B1', 'X9', 'B1'], rs);
    const isKnown = async () => {
      if (answer.status === 401) answer = await send(['A2', 'B1', 'X9', 'B1'], rs);
      return answer.status !== 401;
    };
    await until(isKnown, 15_000, 'the new key to be known');
    const rejected = [1, 2, 3].map((index) => ({ index, code: 'scope' }));
    expect(answer.body).toMatchObject({ accepted: 1, duplicates: 0, rejected });
    const slowed = await send(['A2'], rs);
    expect([slowed.status, Number(slowed.headers.get('retry-after')) > 900]).toEqual([429, true]);
  });

  test('opens its doors to a key in the query or the password of the protocol, or to the key of the door', async () => {
    expect((await upload('garden', 'IPOA1', '')).status).toBe(401);
    expect((await upload('garden', 'IPOA1', `&PASSWORD=${all}`)).status).toBe(200);
    expect((await upload('garden', 'IPOA1', `&key=${all}`)).status).toBe(200);
    expect((await upload('garden', 'IPOA1', '&PASSWORD=open-sesame')).status).toBe(401);
    expect((await upload('own', 'ISAO1', '&key=open-sesame')).status).toBe(200);
    expect((await upload('own', 'ISAO1', `&key=${all}`)).status).toBe(200);
    expect((await upload('own', 'ISAO1', '&key=open-sesam')).status).toBe(401);
  });

  test('lets people do what their role and areas allow', async () => {
    const session = (name: string) => ask(`${url}/api/v1/session`, 'POST', { name, password: 'no' });
    const [wrong, nobody] = [await session('ana'), await session('nobody')];
    expect([wrong.status, wrong.body.detail]).toEqual([401, nobody.body.detail]);
    ana = await signedIn(url, 'ana');
    const [bia, leo] = [await signedIn(url, 'bia'), await signedIn(url, 'leo')];
    expect((await put('N1', 'RS', {})).status).toBe(401);
    expect((await put('N1', 'RS', bearer(all))).status).toBe(401);
    expect((await put('N1', 'RS', { cookie: ana.cookie as string })).status).toBe(403);
    expect((await put('N1', 'RS', { ...ana, origin: 'https://evil.example' })).status).toBe(403);
    expect((await put('N1', 'RS', leo)).body.code).toBe('ATL_FORBIDDEN');
    expect((await put('N1', 'SP', bia)).body.detail).toMatch(/outside of the areas of bia/);
    expect((await put('B1', 'RS', bia)).status).toBe(403);
    expect((await put('N1', 'RS', bia)).status).toBe(201);
    expect((await ask(`${url}/metrics`, 'GET', undefined, leo)).status).toBe(200);
    expect((await ask(`${url}/api/v1/keys`, 'GET', undefined, bia)).status).toBe(403);
    // A token has the role of its user, makes no tokens, and ends with the password.
    const token = await ask(`${url}/api/v1/tokens`, 'POST', { name: 'script' }, bia);
    const script = bearer(String(token.body.token));
    expect((await put('N2', 'RS', script)).status).toBe(201);
    expect((await put('N3', 'SP', script)).status).toBe(403);
    expect((await ask(`${url}/api/v1/tokens`, 'POST', { name: 'another' }, script)).status).toBe(403);
    await command(cwd, ['user', 'password', 'bia'], 'uma frase bem diferente\n');
    expect((await put('N4', 'RS', bia)).status).toBe(401);
    expect((await put('N4', 'RS', script)).status).toBe(401);
  });

  test('makes keys over HTTP: shown once, rotated with two valid at once, removed', async () => {
    const keys = `${url}/api/v1/keys`;
    const key = await ask(keys, 'POST', { name: 'new', scope: { stations: ['A1'] } }, ana);
    expect([key.status, key.body.createdBy]).toEqual([201, 'ana']);
    const first = String(key.body.key);
    const second = String((await ask(`${keys}/${key.body.id}/rotate`, 'POST', {}, ana)).body.key);
    expect((await send(['A1'], bearer(first))).status).toBe(202);
    expect((await send(['A1'], bearer(second))).status).toBe(202);
    expect((await send(['A2'], bearer(second))).status).toBe(422);
    expect((await upload('garden', 'IPOA1', `&key=${second}`)).status).toBe(200);
    const outside = await upload('garden', 'ISAO1', `&key=${second}`);
    expect([outside.status, outside.body.detail]).toEqual([422, expect.stringContaining('not for B1')]);
    const listed = JSON.stringify((await ask(keys, 'GET', undefined, ana)).body);
    expect(listed).toContain('"new"');
    for (const secret of [first, second, all, 'hash']) expect(listed).not.toContain(secret);
    expect((await ask(`${keys}/${key.body.id}`, 'DELETE', undefined, ana)).status).toBe(204);
    expect((await send(['A1'], bearer(first))).status).toBe(401);
    expect((await ask(`${url}/api/v1/session`, 'DELETE', undefined, ana)).status).toBe(204);
    expect((await ask(keys, 'GET', undefined, ana)).status).toBe(401);
  });
});

test('guessing is slowed down for one address without locking the name', async () => {
  const cwd = configured('');
  await addUser(cwd, 'ana', 'admin');
  const url = await started(cwd);
  const tries: Answer[] = [];
  while (tries.length < 20 && tries.at(-1)?.status !== 429)
    tries.push(
      await ask(`${url}/api/v1/session`, 'POST', { name: 'ANA', password: `guess ${tries.length}` }),
    );
  const last = tries.pop() as Answer;
  expect(tries.length).toBeGreaterThanOrEqual(5);
  expect(tries.every(({ status }) => status === 401)).toBe(true);
  expect([last.status, Number(last.headers.get('retry-after')) > 0]).toEqual([429, true]);
});

test('a server on its own machine is open until it has users, and then asks everybody', async () => {
  const cwd = configured('');
  const url = await started(cwd);
  const send = () => ask(`${url}/api/v1/observations`, 'POST', reports('A1'));
  expect((await send()).status).toBe(202);
  expect((await ask(`${url}/api/v1/session`)).body).toEqual({ required: false, user: null });
  expect((await ask(`${url}/api/v1/keys`, 'POST', { name: 'mine', scope: 'all' })).status).toBe(401);
  await addUser(cwd, 'ana', 'admin');
  await until(async () => (await send()).status === 401, 15_000, 'the user to be known');
  const ana = await signedIn(url, 'ana');
  expect(ana.cookie).toMatch(/^atalaia=/);
  expect((await ask(`${url}/api/v1/session`, 'GET', undefined, ana)).body).toMatchObject({
    user: { role: 'admin' },
  });
});

test('an admin makes a user of one region over HTTP, who silences nothing beyond it; a flood of names ends', async () => {
  const held = '{ file: stations.csv, held: { stations: 2, reports: 1 } }';
  const cwd = configured('areas: areas.yaml\n');
  const file = join(cwd, 'atalaia.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('{ file: stations.csv }', held));
  writeFileSync(join(cwd, 'areas.yaml'), '- { id: basin, region: RS, stations: [A1, B1] }\n');
  await addUser(cwd, 'ana', 'admin');
  const url = await started(cwd);
  const ana = await signedIn(url, 'ana');
  const made = await ask(
    `${url}/api/v1/users`,
    'POST',
    { name: 'bia', password: PASSWORDS.bia, role: 'operator', areas: ['RS'] },
    ana,
  );
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  const bia = await signedIn(url, 'bia');
  const later = new Date(Date.now() + HOUR_MS).toISOString();
  const silence = async (matchers: object, who: Record<string, string>) =>
    (await ask(`${url}/api/v1/silences`, 'POST', { matchers, reason: 'r', until: later }, who)).status;
  expect([await silence({ station: ['A1'] }, bia), await silence({ station: ['B1'] }, bia)]).toEqual([
    201, 403,
  ]);
  // The region is home to an area that reaches into another one.
  expect(await silence({ area: ['RS'] }, bia)).toBe(403);
  expect(await silence({ area: ['RS'] }, ana)).toBe(201);
  const user = `${url}/api/v1/users/bia`;
  expect((await ask(user, 'PATCH', { areas: ['RS', 'basin'] }, ana)).status).toBe(200);
  expect(await silence({ area: ['RS'] }, bia)).toBe(201);
  expect((await ask(user, 'DELETE', undefined, ana)).status).toBe(204);
  expect(await silence({ station: ['A1'] }, bia)).toBe(401);

  const key = await addKey(cwd, 'gateway', '--all');
  const send = () =>
    ask(`${url}/api/v1/observations`, 'POST', reports('X1', 'X2', 'X3', 'A1', 'X1'), bearer(key));
  let answer = await send();
  const isKnown = async (): Promise<boolean> => {
    if (answer.status === 401) answer = await send();
    return answer.status !== 401;
  };
  await until(isKnown, 15_000, 'the key to be known');
  expect(answer).toMatchObject({
    status: 202,
    body: { accepted: 3, rejected: [{ index: 2, code: 'unknown-station' }] },
  });
});
