import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAlertEvent } from '../src/alerts/event-json.ts';
import { createWebhook } from '../src/delivery/channels/webhook.ts';
import { createDispatcher } from '../src/delivery/dispatcher.ts';
import { systemClock } from '../src/lib/clock.ts';
import { seededRandom } from '../src/lib/random.ts';
import { sampleRevision } from '../src/store/ledger/sample.ts';
import { openSqliteLedger } from '../src/store/ledger/sqlite/ledger.ts';
import type { Subscription } from '../src/store/ledger/subscription.ts';
import { quantile, round3 } from './figures.ts';

interface StormOptions {
  readonly stations: number;
  readonly seconds: number;
  readonly seed: number;
}

/** What one receiver got of a storm. Spans in seconds from the commit of an alert to its arrival. */
interface Received {
  readonly messages: number;
  readonly alerts: number;
  readonly lost: number;
  readonly toldTwice: number;
  readonly redP50: number;
  readonly redP99: number;
  readonly lowerP50: number;
  readonly lowerP99: number;
}
interface StormResult {
  readonly stations: number;
  readonly reds: number;
  readonly single: Received;
  readonly grouped: Received;
  /** Median wait of a red over that of the others, where each is a message of its own. */
  readonly redToLower: number;
  readonly alertsPerMessage: number;
}

/** One station in this many goes straight to red. */
const RED_EVERY = 20;
const STEP_MS = 100;

interface Post {
  readonly path: string;
  readonly at: number;
  readonly alerts: readonly string[];
  readonly key: string;
}

/** Posts to a loopback receiver that takes its time, as a gateway of text messages does. */
async function receiver(posts: Post[]) {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as {
        alert?: string;
        alerts?: { alert: string }[];
      };
      const alerts = body.alerts?.map(({ alert }) => alert) ?? [body.alert ?? ''];
      const key = String(request.headers['webhook-id']);
      posts.push({ path: request.url ?? '', at: performance.now(), alerts, key });
      setTimeout(() => response.writeHead(204).end(), 20);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise<void>((done) => void server.close(() => done()));
  return { url: `http://127.0.0.1:${port}`, close };
}

/** Stations cross within seconds; one subscription gets each alert, another the storm in groups. */
export async function benchStorm({ stations, seconds, seed }: StormOptions): Promise<StormResult> {
  const folder = await mkdtemp(join(tmpdir(), 'atalaia-storm-'));
  const ledger = await openSqliteLedger({ path: join(folder, 'ledger.sqlite') });
  const posts: Post[] = [];
  const { url, close } = await receiver(posts);
  const own = (id: string): Subscription => ({
    ...{ id, name: id, channel: id, level: 'yellow', areas: 'all', address: `${url}/${id}` },
  });
  const grouped: Subscription = { ...own('grouped'), group: { by: 'hazard', waitMs: 3000 }, perMinute: 30 };
  await ledger.putSubscriptions('config', [own('single'), grouped]);
  const webhook = () => createWebhook({ kind: 'webhook', url, allowPrivate: true }, { clock: systemClock });
  const channels = new Map([
    ['single', webhook()],
    ['grouped', webhook()],
  ]);
  const body = (stored: { revision: ReturnType<typeof sampleRevision> }) =>
    formatAlertEvent(stored.revision.event);
  const dispatcher = createDispatcher({
    ...{ ledger, channels, body, clock: systemClock, random: seededRandom(seed) },
  });
  dispatcher.start();
  const born = new Map<string, number>();
  try {
    const { epoch } = await ledger.acquire(0);
    const steps = Math.max(1, Math.round((seconds * 1000) / STEP_MS));
    const began = performance.now();
    for (let step = 0, offset = 0; step < steps; step++) {
      const to = Math.round((stations * (step + 1)) / steps);
      const revisions = Array.from({ length: to - offset }, (_, i) => {
        const alert = nameOf(offset + i);
        const level = (offset + i) % RED_EVERY === RED_EVERY - 1 ? 'red' : 'yellow';
        const subject = { kind: 'station', id: `S${offset + i}` } as const;
        born.set(alert, performance.now());
        return { offset: offset + i, index: 0, revision: sampleRevision({ alert, level, subject }) };
      });
      await ledger.commit([{ partition: 0, epoch, from: offset, to, revisions, clockAt: Date.now() }]);
      dispatcher.nudge();
      offset = to;
      await pause(began + (step + 1) * STEP_MS - performance.now());
    }
    await allSettled(ledger, stations * 2);
  } finally {
    await dispatcher.stop();
    for (const channel of channels.values()) await channel.close();
    await close();
  }
  const told = await companionsOf(ledger, posts);
  await ledger.close();
  await rm(folder, { recursive: true, force: true });
  const single = summary(
    told.filter(({ path }) => path === '/single'),
    born,
  );
  const many = summary(
    told.filter(({ path }) => path === '/grouped'),
    born,
  );
  return {
    stations,
    reds: Math.floor(stations / RED_EVERY),
    single,
    grouped: many,
    redToLower: round3(single.redP50 / single.lowerP50),
    alertsPerMessage: round3(many.alerts / many.messages),
  };
}

const nameOf = (n: number): string => n.toString(16).padStart(32, '0');
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, Math.max(0, ms)));

type Opened = Awaited<ReturnType<typeof openSqliteLedger>>;

async function allSettled(ledger: Opened, count: number): Promise<void> {
  for (let i = 0; i < 6000; i++) {
    const open = await ledger.deliveries({ state: 'waiting', limit: 1 });
    const busy = await ledger.deliveries({ state: 'sending', limit: 1 });
    const done = await ledger.oldestOutboxAt();
    if (open.length + busy.length === 0 && done === null && count > 0) return;
    await pause(100);
  }
  throw new Error('the storm was not delivered within ten minutes');
}

/** A message lists at most a hundred; the ledger knows all that it told. */
const companionsOf = (ledger: Opened, posts: readonly Post[]): Promise<Post[]> =>
  Promise.all(
    posts.map(async (post) => {
      const all = await ledger.companions(post.key);
      return { ...post, alerts: all.map(({ revision }) => revision.event.alert) };
    }),
  );

function summary(posts: readonly Post[], born: ReadonlyMap<string, number>): Received {
  const arrived = new Map<string, number>();
  let alerts = 0;
  for (const { at, alerts: told } of posts)
    for (const alert of told) {
      alerts += 1;
      if (!arrived.has(alert)) arrived.set(alert, at);
    }
  const isRed = (alert: string): boolean => Number.parseInt(alert, 16) % RED_EVERY === RED_EVERY - 1;
  const waits = (red: boolean): number[] =>
    [...arrived]
      .filter(([alert]) => isRed(alert) === red)
      .map(([alert, at]) => (at - (born.get(alert) ?? at)) / 1000)
      .sort((a, b) => a - b);
  const [reds, lower] = [waits(true), waits(false)];
  return {
    messages: posts.length,
    alerts,
    lost: born.size - arrived.size,
    toldTwice: alerts - arrived.size,
    redP50: round3(quantile(reds, 0.5)),
    redP99: round3(quantile(reds, 0.99)),
    lowerP50: round3(quantile(lower, 0.5)),
    lowerP99: round3(quantile(lower, 0.99)),
  };
}
