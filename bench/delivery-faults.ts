import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { formatInstant, MINUTE_MS } from '../src/model/time.ts';
import { quantile, round3 } from './figures.ts';
import { type BenchServer, sendReports, startServer } from './server.ts';

export const faults = [
  'killed-after-acceptance',
  'killed-after-notification',
  'receiver-500',
  'node-killed',
] as const;
export type Fault = (typeof faults)[number];

export interface DeliveryFaultsOptions {
  /** How many alerts, one number for each round. */
  readonly alerts: readonly number[];
  /** How long the receiver answers 500, seconds. */
  readonly seconds: number;
  readonly faults?: readonly Fault[];
  readonly onProgress?: (text: string) => void;
}

interface Figures {
  readonly p50: number;
  readonly p99: number;
}

/** What became of the alerts of one round. */
export interface FaultRow {
  readonly fault: Fault;
  readonly alerts: number;
  /** Alerts that the receiver never took. */
  readonly lost: number;
  /** Messages that the receiver took of what it had taken under another key. */
  readonly toldTwice: number;
  /** Messages taken again under the key of the first: a receiver knows them for repeats. */
  readonly repeatedKeys: number;
  /** From the acknowledgement of the report to the message that the receiver took, with the fault in between, ms. */
  readonly deliveredMs: Figures;
  /** A bare request to the same receiver, ms. */
  readonly bareMs: Figures;
}

export interface DeliveryFaultsResult {
  readonly rows: readonly FaultRow[];
  /** Faults that could not be tried here, with the reason. */
  readonly skipped: readonly { readonly fault: Fault; readonly reason: string }[];
}

const PARTITIONS = 8;
const BATCH = 100;
/** Repeats that a crash leaves behind come when the lease of the dead process ends, a minute later. */
const SETTLE_LIMIT_MS = 10 * MINUTE_MS;
const BARE = 200;
/** Small: it is deliveries that are looked at here. */
const GALE = `rule: gale
title: { pt-BR: Vendaval, en: Gale }
hazard: wind
subject: station
levels: { red: "max(windGust, 10m) >= 30 m/s" }
expires: 6h
area: { radius: 15 km }
cap: { urgency: Immediate, certainty: Observed, responseType: Shelter }
instruction: { pt-BR: Abrigue-se., en: Take shelter. }
`;
const SECRET = 'a-secret-of-the-benchmark-only';

/**
 * Accepted reports that each raise an alert, and a fault at the worst moment: what the receiver never took, took twice, and
 * how long it waited. The server runs as a user would run it, and is killed as a power failure does it.
 */
export async function benchDeliveryFaults(options: DeliveryFaultsOptions): Promise<DeliveryFaultsResult> {
  const rows: FaultRow[] = [];
  const skipped: { fault: Fault; reason: string }[] = [];
  for (const fault of options.faults ?? faults) {
    const servers = fault === 'node-killed' ? await openServers() : undefined;
    if (typeof servers === 'string') {
      skipped.push({ fault, reason: servers });
      continue;
    }
    try {
      for (const alerts of options.alerts) {
        options.onProgress?.(`${fault}, ${alerts} alerts`);
        const row = await round(fault, alerts, options.seconds * 1000, servers);
        rows.push(row);
        options.onProgress?.(JSON.stringify(row));
      }
    } finally {
      await servers?.stop();
    }
  }
  return { rows, skipped };
}

async function round(fault: Fault, alerts: number, outageMs: number, servers?: Servers): Promise<FaultRow> {
  const folder = mkdtempSync(join(tmpdir(), 'atalaia-bench-'));
  const receiver = await openReceiver();
  const nodes = openNodes(folder, alerts, receiver.url, servers);
  try {
    await nodes.start(servers ? 3 : 1);
    const bareMs = await bareRequests(receiver.url);
    receiver.clear();
    if (fault === 'receiver-500') receiver.refuseFor(outageMs);
    const accepted = await acceptAll(nodes.live(), alerts);
    if (fault === 'killed-after-notification') {
      // In the middle: some are told and answered, more are under way.
      await until(() => receiver.taken.size >= Math.max(1, alerts / 20), 'the first messages');
    }
    if (fault !== 'receiver-500') await nodes.killOne();
    if (!servers && fault !== 'receiver-500') await nodes.start(1);
    await until(() => receiver.taken.size >= alerts, 'all messages').catch(() => {});
    await until(() => nodes.isSettled(), 'the deliveries to be settled');
    return { fault, alerts, ...receiver.count(accepted), bareMs };
  } finally {
    await nodes.stop();
    receiver.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Sends one report of a gale for each station, a hundred at a time; when each was acknowledged. */
async function acceptAll(urls: readonly string[], alerts: number): Promise<ReadonlyMap<string, number>> {
  const accepted = new Map<string, number>();
  const observedAt = formatInstant(Math.floor(Date.now() / 1000) * 1000);
  for (let from = 0; from < alerts; from += BATCH) {
    const stations = Array.from({ length: Math.min(BATCH, alerts - from) }, (_, i) => `S${from + i}`);
    const lines = stations.map((station) =>
      JSON.stringify({ station, observedAt, interval: 'PT10M', values: { windGust: 35 } }),
    );
    await sendReports(urls[(from / BATCH) % urls.length] as string, `${lines.join('\n')}\n`);
    const at = performance.now();
    for (const station of stations) accepted.set(station, at);
  }
  return accepted;
}

async function openReceiver() {
  let refuseUntil = 0;
  /** By alert and revision: the keys under which it was taken, the moment of the first, and the station. */
  const taken = new Map<string, { readonly keys: string[]; readonly at: number; readonly station: string }>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const at = performance.now();
      if (at < refuseUntil) {
        response.writeHead(500).end();
        return;
      }
      response.writeHead(204).end();
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
        readonly alert: string;
        readonly revision: number;
        readonly hazard: string;
        readonly subject: { readonly id: string };
      };
      if (body.hazard !== 'wind') return;
      const name = `${body.alert} ${body.revision}`;
      const known = taken.get(name) ?? { keys: [], at, station: body.subject.id };
      known.keys.push(String(request.headers['idempotency-key']));
      taken.set(name, known);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/alerts`,
    taken,
    clear: () => taken.clear(),
    refuseFor(ms: number): void {
      refuseUntil = performance.now() + ms;
    },
    count(accepted: ReadonlyMap<string, number>) {
      const all = [...taken.values()];
      const told = new Map(all.toReversed().map(({ station, at }) => [station, at]));
      const waits = [...accepted].flatMap(([station, at]) => {
        const then = told.get(station);
        return then === undefined ? [] : [Math.max(0, then - at)];
      });
      const sum = (of: (keys: readonly string[]) => number): number =>
        all.reduce((total, { keys }) => total + of(keys), 0);
      // Of one alert a receiver takes each revision once: here there is one.
      const more = all.length - told.size;
      return {
        lost: accepted.size - waits.length,
        toldTwice: sum((keys) => new Set(keys).size - 1) + more,
        repeatedKeys: sum((keys) => keys.length - new Set(keys).size),
        deliveredMs: figures(waits),
      };
    },
    close(): void {
      server.closeAllConnections();
      server.close();
    },
  };
}

const figures = (values: readonly number[]): Figures => {
  const sorted = values.toSorted((a, b) => a - b);
  return { p50: round3(quantile(sorted, 0.5)), p99: round3(quantile(sorted, 0.99)) };
};

async function bareRequests(url: string): Promise<Figures> {
  const body = JSON.stringify({ alert: 'x', revision: 1, hazard: 'none', subject: { id: 'x' } });
  const took: number[] = [];
  for (let i = 0; i < BARE; i++) {
    const from = performance.now();
    const answer = await fetch(url, { method: 'POST', body, headers: { 'idempotency-key': `bare.${i}` } });
    await answer.arrayBuffer();
    took.push(performance.now() - from);
  }
  return figures(took);
}

/** The processes of a system, in folders of their own where they share servers. */
function openNodes(folder: string, stations: number, receiver: string, servers: Servers | undefined) {
  const running: BenchServer[] = [];
  const name = `faults${stations}`;
  const more = `channels: { ops: { kind: webhook, url: "${receiver}", secret: ${SECRET}, allowPrivate: true } }
subscriptions: [ { name: ops, channel: ops, level: yellow, areas: all } ]
${servers?.lines(name) ?? ''}`;
  return {
    async start(count: number): Promise<void> {
      // One after the other: what has started is stopped when a later one cannot.
      for (let i = 0; i < count; i++) {
        const own = servers ? join(folder, `node${i}`) : folder;
        mkdirSync(own, { recursive: true });
        writeFileSync(join(own, 'gale.yaml'), GALE);
        running.push(await startServer(own, { stations, partitions: PARTITIONS, rules: 'gale.yaml', more }));
      }
    },
    live: (): readonly string[] => running.map(({ url }) => url),
    /** The last one: reports went to all. */
    killOne: async (): Promise<void> => running.pop()?.kill(),
    isSettled: (): Promise<boolean> | boolean =>
      servers ? servers.isSettled(name) : isSettled(join(folder, 'data/ledger.sqlite')),
    stop: async (): Promise<void> => {
      for (const one of running) await one.stop();
    },
  };
}

const OPEN =
  "SELECT (SELECT count(*) FROM deliveries WHERE state IN ('waiting', 'sending')) + (SELECT count(*) FROM outbox) AS n";

function isSettled(path: string): boolean {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return Number((db.prepare(OPEN).get() as { n: number }).n) === 0;
  } finally {
    db.close();
  }
}

interface Servers {
  /** Log and store of a system by this name, as lines of the configuration. */
  lines(name: string): string;
  isSettled(name: string): Promise<boolean>;
  stop(): Promise<void>;
}

/** Kafka and PostgreSQL, which three processes share; a text says why there are none here. */
async function openServers(): Promise<Servers | string> {
  const [
    { KafkaCluster, whyNoKafka },
    { findPostgresql, PostgresqlServer, postgresqlHint },
    { default: pg },
  ] = await Promise.all([
    import('../test/servers/kafka.ts'),
    import('../test/servers/postgresql.ts'),
    import('pg'),
  ]);
  const reason = whyNoKafka() ?? (findPostgresql() ? undefined : postgresqlHint.trim());
  if (reason !== undefined) return reason;
  const [kafka, postgresql] = await Promise.all([KafkaCluster.start(1), PostgresqlServer.start()]);
  const brokers = kafka.brokers.map((broker) => `"${broker}"`).join(', ');
  return {
    lines: (name) => `log: { kind: kafka, brokers: [${brokers}], topic: ${name}, sessionTimeout: 3s }
store: { kind: postgresql, url: "${postgresql.url}", schema: ${name} }
`,
    async isSettled(name) {
      const client = new pg.Client({ connectionString: postgresql.url });
      await client.connect();
      try {
        const sql = OPEN.replaceAll(/FROM (deliveries|outbox)/g, `FROM ${name}_ledger.$1`);
        return Number((await client.query(sql)).rows[0].n) === 0;
      } finally {
        await client.end();
      }
    },
    stop: async () => {
      await kafka.stop();
      await postgresql.stop();
    },
  };
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + SETTLE_LIMIT_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ten minutes for ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
