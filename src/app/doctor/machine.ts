import { createSocket } from 'node:dgram';
import { existsSync, statfsSync } from 'node:fs';
import { access, constants, open, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { AtalaiaError } from '../../lib/errors.ts';
import { parseSpan } from '../../model/time.ts';
import type { Config } from '../config/schema.ts';
import { holdData } from '../stores/hold-data.ts';
import { type Check, fail, ok, tried, warn } from './check.ts';

const NODE_MAJOR = 24;
const SYNCS = 9;
const SLOW_SYNC_MS = 50;
const NTP_PORT = 123;
/** Seconds from 1900, the beginning of NTP, to 1970. */
const NTP_EPOCH_S = 2_208_988_800;
const WAIT_MS = 3000;

/** The version of Node.js that runs us. */
export function checkNode(version = process.versions.node): Check {
  const major = Number(version.split('.')[0]);
  if (major < NODE_MAJOR)
    return warn('node', `Node.js ${version}`, `Atalaia is tested on Node.js ${NODE_MAJOR}; install it.`);
  return ok('node', `Node.js ${version}`);
}

/** Whether the address can be listened on, or a running Atalaia does. */
export async function checkPort(listen: string): Promise<Check> {
  const at = listen.lastIndexOf(':');
  const host = listen.slice(0, at).replace(/^\[|\]$/g, '');
  const port = Number(listen.slice(at + 1));
  const server = createServer();
  const failure = await new Promise<NodeJS.ErrnoException | undefined>((done) => {
    server.once('error', done);
    server.listen({ host, port, exclusive: true }, () => done(undefined));
  });
  if (!failure) {
    await new Promise((done) => server.close(done));
    return ok('port', `${listen} is free`);
  }
  if (failure.code === 'EADDRINUSE' && (await isOurs(listen)))
    return ok('port', `an Atalaia listens on ${listen}`);
  return fail(
    'port',
    `${listen} cannot be listened on: ${failure.code}`,
    'Stop the program that has it, or name another address as listen in the configuration.',
  );
}

async function isOurs(listen: string): Promise<boolean> {
  try {
    const answer = await fetch(`http://${listen}/healthz`, { signal: AbortSignal.timeout(WAIT_MS) });
    return ((await answer.json()) as { status?: unknown }).status === 'ok';
  } catch {
    return false;
  }
}

/** Rights, room, speed of the medium, and who holds the data directory. */
export async function checkData({ data }: Pick<Config, 'data'>): Promise<Check[]> {
  let place = data;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  const rights = await tried(
    'data',
    `Give this user the right to write to ${place}, or name another data.`,
    async () => {
      await access(place, constants.W_OK | constants.X_OK);
      return ok('data', place === data ? `${data} is writable` : `${data} will be made in ${place}`);
    },
  );
  if (rights.status === 'fail') return [rights];
  return [
    rights,
    checkRoom(place),
    await checkSync(place),
    ...(existsSync(join(data, 'log')) ? [await checkHolder(data)] : []),
  ];
}

function checkRoom(place: string): Check {
  const { bavail, bsize, blocks } = statfsSync(place);
  const share = bavail / Math.max(1, blocks);
  const detail = `${((bavail * bsize) / 2 ** 30).toFixed(1)} GiB free, ${Math.round(share * 100)} %`;
  const remedy =
    'Make room: below 10 % free the server is not ready (/readyz), and a full disk takes no reports.';
  if (share < 0.1) return fail('disk', detail, remedy);
  return share < 0.2 ? warn('disk', detail, remedy) : ok('disk', detail);
}

/** The median of some syncs: every report waits for one. */
function checkSync(place: string): Promise<Check> {
  const remedy = 'Put the data directory on a disk of its own with a fast sync (SSD, battery-backed cache).';
  return tried('sync', remedy, async () => {
    const path = join(place, `.atalaia-doctor-${process.pid}`);
    const file = await open(path, 'wx');
    try {
      const took: number[] = [];
      for (let n = 0; n < SYNCS; n++) {
        await file.write(Buffer.alloc(4096, n));
        const begun = performance.now();
        await file.datasync();
        took.push(performance.now() - begun);
      }
      const median = took.sort((a, b) => a - b)[SYNCS >> 1] as number;
      const detail = `a sync takes ${median.toFixed(1)} ms (median of ${SYNCS})`;
      return median > SLOW_SYNC_MS ? warn('sync', detail, remedy) : ok('sync', detail);
    } finally {
      await file.close();
      await rm(path, { force: true });
    }
  });
}

async function checkHolder(data: string): Promise<Check> {
  try {
    await (await holdData(data, 'try again'))();
    return ok('lock', 'no process holds the data directory');
  } catch (error) {
    if (!(error instanceof AtalaiaError) || error.code !== 'ATL_CONFLICT') throw error;
    return ok('lock', /is in use by [^.]*/.exec(error.message)?.[0] ?? 'is in use');
  }
}

/** How far this machine's clock is from a time server's (SNTP, RFC 4330). */
export async function checkClock(server: string): Promise<Check> {
  const remedy =
    'Let a time service (chrony, systemd-timesyncd) set the clock, or name a time server with --ntp HOST.';
  let skewMs: number;
  try {
    skewMs = await skewTo(server);
  } catch (error) {
    return warn('clock', `not compared: ${server} does not answer (${(error as Error).message})`, remedy);
  }
  const detail = `${(Math.abs(skewMs) / 1000).toFixed(3)} s ${skewMs > 0 ? 'behind' : 'ahead of'} ${server}`;
  if (Math.abs(skewMs) > 5000) return fail('clock', detail, remedy);
  return Math.abs(skewMs) > 1000 ? warn('clock', detail, remedy) : ok('clock', detail);
}

/** The other clock less ours, ms, half the way there and back taken off. `server`: host or host:port. */
function skewTo(server: string): Promise<number> {
  const [, host = server, port] = /^([^:]+)(?::(\d+))?$/.exec(server) ?? [];
  const socket = createSocket('udp4');
  return new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${WAIT_MS} ms`)), WAIT_MS);
    let sentAt = 0;
    socket.once('error', reject).once('message', (message) => {
      const arrivedAt = Date.now();
      if (message.length < 48) return reject(new Error('the answer is no NTP'));
      const at = (place: number): number =>
        (message.readUInt32BE(place) - NTP_EPOCH_S) * 1000 +
        (message.readUInt32BE(place + 4) / 2 ** 32) * 1000;
      clearTimeout(timer);
      resolve((at(32) - sentAt + (at(40) - arrivedAt)) / 2);
    });
    const request = Buffer.alloc(48);
    // Version 4, client.
    request[0] = 0x23;
    sentAt = Date.now();
    socket.send(request, port ? Number(port) : NTP_PORT, host, (error) => error && reject(error));
    socket.once('close', () => clearTimeout(timer));
  }).finally(() => socket.close());
}

/** Resolves when something takes connections there. */
export function reach(host: string, port: number): Promise<void> {
  const socket = createConnection({ host, port });
  return new Promise<void>((resolve, reject) => {
    socket.setTimeout(WAIT_MS, () =>
      reject(new Error(`${host}:${port} does not answer within ${WAIT_MS} ms`)),
    );
    socket.once('connect', resolve).once('error', reject);
  }).finally(() => socket.destroy());
}

/** A clock may be ahead by so much, and behind by so much more than reports of it take. */
const STATION_AHEAD_S = 60;
const STATION_BEHIND_S = 2700;
const SHOWN = 5;

/** Clocks of stations, as the server that runs at the address of the configuration estimates them. */
export async function checkStationClocks(listen: string): Promise<Check> {
  const name = 'station clocks';
  let stations: readonly StationClock[];
  try {
    const answer = await fetch(
      `http://${listen.replace(/^0\.0\.0\.0:/, '127.0.0.1:')}/api/v1/stations?limit=1000`,
      {
        signal: AbortSignal.timeout(WAIT_MS),
      },
    );
    stations = ((await answer.json()) as { items?: readonly StationClock[] }).items ?? [];
  } catch {
    return ok(name, `not compared: no server answers at ${listen}`);
  }
  const heard = stations.filter(({ clock }) => clock);
  const wrong = heard.filter(({ clock, interval }) => {
    const offset = clock?.offsetSeconds ?? 0;
    const paceS = (parseSpan(interval ?? 'PT1H') ?? 0) / 1000;
    return offset > STATION_AHEAD_S || offset < -(paceS + STATION_BEHIND_S);
  });
  if (wrong.length === 0) return ok(name, `${heard.length} heard, none far from ours`);
  const shown = wrong.slice(0, SHOWN).map(({ id, clock }) => `${id} ${sided(clock?.offsetSeconds ?? 0)}`);
  const more = wrong.length > SHOWN ? ` and ${wrong.length - SHOWN} more` : '';
  return warn(
    name,
    `${shown.join(', ')}${more}`,
    'Set the clock or the zone of these stations; whole hours are a zone (timeZone of the source).',
  );
}

interface StationClock {
  readonly id: string;
  readonly interval?: string | null;
  readonly clock?: { readonly offsetSeconds: number } | null;
}

const sided = (seconds: number): string =>
  seconds > 0 ? `${seconds} s ahead` : `${-seconds} s behind or late`;
