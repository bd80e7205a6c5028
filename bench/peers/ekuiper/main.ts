import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jobStations } from '../job.ts';
import { plan, windows } from './rules.ts';

// The peers' job in eKuiper: node bench/peers/ekuiper/main.ts INPUT OUTPUT PASSES STATIONS, with PEER_HOME/ekuiper/{kuiperd,etc}

const [input, output, passes, stationCount] = process.argv.slice(2) as [string, string, string, string];
const home = process.env.PEER_HOME ?? '.';
const stations = jobStations(Number(stationCount)).map(({ id }) => id);
const PORT = 29_081;
const POLL_MS = 50;
const QUIET_POLLS = 20;
const TIMEOUT_MS = 280_000;

async function ask(method: string, path: string, body?: object): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${PORT}${path}`, {
    method,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
  return text;
}

/** A server of its own with an empty store. */
async function startServer(folder: string): Promise<ChildProcess> {
  cpSync(join(home, 'ekuiper/etc'), join(folder, 'etc'), { recursive: true });
  for (const name of [
    'data',
    'log',
    'plugins/sources',
    'plugins/sinks',
    'plugins/functions',
    'plugins/portable',
  ])
    mkdirSync(join(folder, name), { recursive: true });
  const config = join(folder, 'etc/kuiper.yaml');
  const text = readFileSync(config, 'utf8')
    .replaceAll('0.0.0.0', '127.0.0.1')
    .replace(/restPort: \d+/, `restPort: ${PORT}`)
    .replace(/\n {2}port: \d+/, `\n  port: ${PORT + 1}`)
    .replace('pprof: true', 'pprof: false')
    .replace('logLevel: info', 'logLevel: error')
    .replace('timezone: Local', 'timezone: UTC');
  writeFileSync(config, text);
  appendFileSync(
    join(folder, 'etc/sources/file.yaml'),
    `\nreports:\n  fileType: lines\n  path: ${dirname(input)}\n  interval: 0\n  sendInterval: 0\n`,
  );
  const env = { ...process.env, KuiperBaseKey: folder, GOMAXPROCS: '1' };
  const server = spawn(join(home, 'ekuiper/kuiperd'), { cwd: folder, env, stdio: 'ignore' });
  for (let i = 0; i < 200; i++) {
    const isUp = await ask('GET', '/').then(
      () => true,
      () => false,
    );
    if (isUp) return server;
    await sleep(POLL_MS);
  }
  throw new Error('kuiperd does not answer');
}

async function received(rule: string): Promise<number> {
  const status = JSON.parse(await ask('GET', `/rules/${rule}/status`)) as Record<string, number>;
  return Object.entries(status).find(([key]) => /^source_.*_records_in_total$/.test(key))?.[1] ?? 0;
}

/** CPU time of a process, ms; clock ticks of Linux are 10 ms. */
function cpuOf(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Streams and rules stand; returns the ms from the start of the feed to the last window that arrived. */
async function runJob(folder: string, server: ChildProcess): Promise<{ ms: number; cpu: number }> {
  const { streams, rules } = plan(basename(input), stations, (topic) => join(folder, `${topic}.out`));
  for (const sql of streams) await ask('POST', '/streams', { sql });
  for (const rule of rules.slice(0, -1)) await ask('POST', '/rules', rule);
  const from = performance.now();
  const cpuBefore = cpuOf(server.pid);
  await ask('POST', '/rules', rules.at(-1) as object);
  let [last, seen, quiet] = [from, -1, 0];
  while (quiet < QUIET_POLLS || seen === 0) {
    const now = (await received('changes_hour')) + (await received('changes_three'));
    if (now === seen) quiet++;
    else [seen, last, quiet] = [now, performance.now(), 0];
    if (performance.now() - from > TIMEOUT_MS) throw new Error(`not done in time: ${seen} windows`);
    await sleep(POLL_MS);
  }
  const cpu = cpuOf(server.pid) - cpuBefore;
  // The file sink writes what it holds when its rule stops.
  for (const { topic } of windows) await ask('POST', `/rules/changes_${topic}/stop`);
  await sleep(1000);
  return { ms: last - from, cpu };
}

function collect(folder: string): void {
  const names = ['none', 'yellow', 'orange', 'red'];
  const lines: string[] = [];
  for (const { topic, levels } of windows) {
    for (const text of readFileSync(join(folder, `${topic}.out`), 'utf8')
      .split('\n')
      .filter(Boolean)) {
      const row = JSON.parse(text) as Record<string, string | number>;
      for (const [column] of levels) {
        const [before, now] = [row[`${column}_before`], row[column]] as [number, number];
        if (before === now) continue;
        lines.push([row.station, column.replace('_', '-'), row.at, names[before], names[now]].join('\t'));
      }
    }
  }
  writeFileSync(output, lines.map((line) => `${line}\n`).join(''));
}

for (let pass = 0; pass < Number(passes); pass++) {
  const folder = mkdtempSync(join(tmpdir(), 'peer-ekuiper-'));
  const server = await startServer(folder);
  try {
    const { ms, cpu } = await runJob(folder, server);
    collect(folder);
    process.stdout.write(`${JSON.stringify({ pass, ms, cpu })}\n`);
  } finally {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill();
    await ended;
    if (!process.env.KEEP) rmSync(folder, { recursive: true, force: true });
  }
}
