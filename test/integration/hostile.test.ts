import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, Program, pause, root, temporaryFolder, until } from './server.ts';

// What nobody should send, at every door that listens: refused with a reason, within bounds of memory, while a station that
// behaves is served.

const folder = temporaryFolder();
const drop = join(folder.path, 'drop');
const HOUR_MS = 3_600_000;
const hour = new Date(Math.floor(Date.now() / HOUR_MS) * HOUR_MS);
const iso = `${hour.toISOString().slice(0, 19)}Z`;
const MIB = 1024 * 1024;
/** Bodies of 8 MiB are taken, several at once, and each is held a few times over while it is read. */
const MOST_GROWTH = 512 * MIB;

let program: Program;
let url = '';
let udpPort = 0;
beforeAll(async () => {
  udpPort = await freePort();
  mkdirSync(drop);
  writeFileSync(
    join(folder.path, 'atalaia.yaml'),
    `environment: exercise
rules: [${join(root, 'rules/inmet')}]
stations: { unknown: accept }
sources:
  - { kind: http, name: form, format: ecowitt }
  - { kind: http, name: json, format: lorawan }
  - { kind: http, name: river, format: ana }
  - { kind: http, name: table, format: cemaden }
  - { kind: udp, port: ${udpPort}, format: weatherflow }
  - { kind: folder, directory: ${drop} }
`,
  );
  program = new Program(['start', '--port', '0'], { cwd: folder.path, env: {} });
  url = await program.listening();
}, 120_000);
afterAll(async () => {
  if (!program.hasEnded) await program.signal('SIGKILL');
  folder.remove();
});

async function metric(line: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const found = text.split('\n').find((one) => one.startsWith(`${line} `));
  return Number(found?.split(' ').at(-1) ?? 0);
}
const memory = (): Promise<number> => metric('process_resident_memory_bytes');
const counted = (what: string): Promise<number> => metric(`atalaia_records_total{what="${what}"}`);

/** A report from another address of this machine, for an address is who a client is; gives the status of the answer. */
async function postFromElsewhere(body: string): Promise<number | undefined> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const asked = request(`${url}/api/v1/observations`, { method: 'POST', localAddress: '127.0.0.2', headers });
  asked.end(body);
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  answer.resume();
  await once(answer, 'end');
  return answer.statusCode;
}

/** A station that posts one report after the other while `work` goes on; none may be refused. Gives the greatest memory seen. */
async function besideGoodClient(work: () => Promise<void>): Promise<{ posts: number; most: number }> {
  let isDone = false;
  let posts = 0;
  let most = 0;
  const client = (async () => {
    while (!isDone || posts < 5) {
      const report = { station: 'GOOD', observedAt: iso, values: { airTemperature: posts / 100 } };
      expect(await postFromElsewhere(JSON.stringify(report))).toBe(202);
      posts++;
      most = Math.max(most, await memory());
      await pause(50);
    }
  })();
  try {
    await work();
  } finally {
    isDone = true;
  }
  await client;
  return { posts, most };
}

const object = (values: string): string =>
  `{"deviceInfo":{"devEui":"0011223344556677"},"time":"${iso}","object":${values}}`;
const report = (values: string): string => `{"station":"X","observedAt":"${iso}","values":${values}}`;
const laughs = `<!DOCTYPE l [<!ENTITY a "ha">${Array.from({ length: 9 }, (_, i) => `<!ENTITY ${'bcdefghij'[i]} "${`&${'abcdefghi'[i]};`.repeat(10)}">`).join('')}]><l>&j;</l>`;

/** Bytes that are no message, whatever the door. */
const junk: Readonly<Record<string, string | Buffer>> = {
  nothing: '',
  'cut short': '{"a":[1,2',
  'two values': '{} {}',
  'UTF-16': Buffer.from(`\ufeff${report('{}')}`, 'utf16le'),
  'not UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  'a lone surrogate': '{"a":"\\ud800"}',
  'a zero byte': '{"a":"\u0000"}',
  '200,000 arrays': `${'['.repeat(200_000)}${']'.repeat(200_000)}`,
  '200,000 objects': '{"a":'.repeat(200_000),
  '100,000 elements': '<a>'.repeat(100_000),
  'a billion laughs': laughs,
  'a reach for the prototype': '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{}}}',
  'two million columns': `codEstacao;valorMedida${';'.repeat(2_000_000)}\n${'1\n'.repeat(10_000)}`,
  'an open quote': 'codEstacao;valorMedida;datahora\n"'.padEnd(MIB, 'x'),
};

const post = (path: string, body: string | Buffer, type: string, more: Record<string, string> = {}) =>
  fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': type, authorization: 'Bearer bad', ...more },
    body,
  });

const doors = [
  ['/in/form', 'application/x-www-form-urlencoded'],
  ['/in/json', 'application/json'],
  ['/in/river', 'application/xml'],
  ['/in/table', 'text/csv'],
  ['/api/v1/observations', 'application/json'],
  ['/api/v1/observations', 'application/x-ndjson'],
  ['/api/v1/observations', 'text/csv'],
] as const;

test('what is no message is refused at every door of HTTP, and the next one is read', async () => {
  const before = await memory();
  const { most } = await besideGoodClient(async () => {
    for (const [path, type] of doors)
      for (const [name, body] of Object.entries(junk)) {
        const answer = await post(path, body, type);
        const text = await answer.text();
        // Nothing at all, as NDJSON or CSV, is no report, which is no fault.
        if (name === 'nothing' && answer.status < 300) continue;
        expect([400, 413, 422], `${name} at ${path}: ${answer.status} ${text}`).toContain(answer.status);
        expect(JSON.parse(text)).toMatchObject({ code: expect.stringMatching(/^ATL_/) });
      }
  });
  expect(most - before).toBeLessThan(MOST_GROWTH);
});

test('of a message with bad numbers the good ones are taken', async () => {
  const bad =
    '"relative_humidity":1e999,"wind_speed":"12,5","wind_direction":null,"precipitation":NaN,"solar_radiation":-Infinity,"maximum_wind_speed":9007199254740993';
  const answer = await post('/in/json', object(`{"air_temperature":-0,${bad}}`), 'application/json');
  expect(answer.status).toBe(200);
  const many = Array.from({ length: 100_000 }, (_, i) => `"k${i}":${i}`).join(',');
  expect(
    (await post('/in/json', object(`{"air_temperature":1e-400,${many}}`), 'application/json')).status,
  ).toBe(200);
  expect((await post('/api/v1/observations', report(`{${many}}`), 'application/json')).status).toBe(422);
  const fields = Array.from({ length: 100_000 }, (_, i) => `k${i}=1`).join('&');
  expect((await post('/in/form', `PASSKEY=A&${fields}`, 'application/x-www-form-urlencoded')).status).toBe(
    400,
  );
  const station = await fetch(`${url}/api/v1/stations/lorawan:0011223344556677`);
  await until(async () => station.ok, 5000, 'the station');
  expect(Object.keys({})).toEqual([]);
});

test('a bomb of gzip and what is too large end at their bound', async () => {
  const bomb = gzipSync(Buffer.alloc(256 * MIB));
  const before = await memory();
  const { most } = await besideGoodClient(async () => {
    for (let round = 0; round < 5; round++)
      for (const [path, type] of doors) {
        const packed = await post(path, bomb, type, { 'content-encoding': 'gzip' });
        expect([packed.status, path]).toEqual([413, path]);
        const damaged = await post(path, Buffer.from([0x1f, 0x8b, 8, 0]), type, {
          'content-encoding': 'gzip',
        });
        expect([damaged.status, path]).toEqual([400, path]);
      }
    // The connection is ended before all is sent: either is an answer.
    for (const [path, type] of doors)
      await post(path, Buffer.alloc(32 * MIB, 'x'), type).then(
        (answer) => expect(answer.status).toBe(413),
        (error: unknown) => expect(String(error)).toContain('fetch failed'),
      );
  });
  expect(most - before).toBeLessThan(MOST_GROWTH);
}, 120_000);

test('who sends a byte now and then is cut off, and holds up nobody', async () => {
  const { hostname, port } = new URL(url);
  const starts = [
    'POST /in/json HTTP/1.1\r\nHost: localhost\r\nX: ',
    'POST /in/json HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
  ];
  const sockets: Socket[] = [];
  let closed = 0;
  for (let i = 0; i < 300; i++) {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined).on('close', () => closed++);
    socket.resume();
    sockets.push(socket);
    await once(socket, 'connect');
    socket.write(starts[i % 2] as string);
  }
  const drip = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write('a');
  }, 1000);
  try {
    const { posts } = await besideGoodClient(() =>
      until(() => closed === sockets.length, 90_000, 'all slow connections to be ended'),
    );
    expect(posts).toBeGreaterThan(100);
  } finally {
    clearInterval(drip);
    for (const socket of sockets) socket.destroy();
  }
}, 120_000);

test('a flood of requests is slowed for its sender alone', async () => {
  const statuses = new Map<number, number>();
  const before = await memory();
  const { most } = await besideGoodClient(async () => {
    const sender = async (): Promise<void> => {
      for (let i = 0; i < 800; i++) {
        const { status, body } = await post('/in/json', '{"a":', 'application/json');
        await body?.cancel();
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: 20 }, sender));
  });
  expect([...statuses.keys()].every((status) => status === 400 || status === 429)).toBe(true);
  expect(most - before).toBeLessThan(MOST_GROWTH);
}, 240_000);

test('a flood of datagrams is bounded in memory and on disk, and told; what is good comes through after it', async () => {
  const socket = createSocket('udp4');
  const send = (body: string | Buffer): Promise<void> =>
    new Promise((sent) => socket.send(body, udpPort, '127.0.0.1', () => sent()));
  const before = await memory();
  const bodies = Object.values(junk).map((body) => Buffer.from(body).subarray(0, 60_000));
  const { most } = await besideGoodClient(async () => {
    for (let i = 0; i < 20_000; i++) await send(bodies[i % bodies.length] as Buffer);
    // The system itself drops most of what comes faster than it is read.
    await until(
      async () => {
        for (let i = 0; i < 200; i++) await send('{"a":');
        return (await counted('dropped-unreadable')) > 100;
      },
      60_000,
      'more than is kept',
    );
  });
  expect(most - before).toBeLessThan(MOST_GROWTH);
  await until(
    async () => {
      const body = {
        serial_number: 'ST-9',
        type: 'obs_air',
        obs: [[hour.getTime() / 1000, 1013, 21.5, 60, 0, 0, 3.3, 1]],
      };
      await send(JSON.stringify(body));
      return (await fetch(`${url}/api/v1/stations/weatherflow:ST-9`)).ok;
    },
    60_000,
    'the good datagram',
  );
  socket.close();
  // The doors of HTTP answer and keep nothing; of datagrams a hundred are kept.
  expect(await counted('quarantined')).toBeLessThanOrEqual(101);
  await until(
    () => program.stderr.includes('dropped') || program.stdout.includes('dropped'),
    5000,
    'it to be told',
  );
}, 240_000);

test('files that are no reports go to the quarantine, and those behind them are read', async () => {
  const before = await counted('quarantined');
  for (const [place, [, body]] of Object.entries(junk).entries())
    writeFileSync(join(drop, `${String(place).padStart(2, '0')}.json`), body);
  writeFileSync(join(drop, '50.json.gz'), gzipSync(Buffer.alloc(64 * MIB)));
  writeFileSync(join(drop, '60.json'), Buffer.alloc(9 * MIB, ' '));
  writeFileSync(
    join(drop, '99.json'),
    JSON.stringify({ station: 'LAST', observedAt: iso, values: { airTemperature: 3 } }),
  );
  await until(async () => (await fetch(`${url}/api/v1/stations/LAST`)).ok, 60_000, 'the good file');
  expect((await counted('quarantined')) - before).toBe(Object.keys(junk).length + 1);
  // Too large to read: left where it is.
  await until(() => readdirSync(drop).sort().join() === '60.json,done', 10_000, 'the good file to be moved');
}, 120_000);

test('the program ends as it should', async () => {
  expect(await program.signal('SIGTERM'), program.stderr.slice(-2000)).toBe(0);
});
