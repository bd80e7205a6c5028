import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** A server of the product in a folder of its own, as a user would run it. */
export interface BenchServer {
  readonly url: string;
  stop(): Promise<void>;
  /** Ends it as a power failure does. */
  kill(): Promise<void>;
}

export interface Setting {
  readonly stations: number;
  readonly partitions: number;
  /** File or folder of the rules; default the pack of INMET. */
  readonly rules?: string;
  /** More lines of `atalaia.yaml`. */
  readonly more?: string;
}

/** Writes registry and configuration, and starts the server. */
export async function startServer(folder: string, setting: Setting): Promise<BenchServer> {
  const lines = Array.from(
    { length: setting.stations },
    (_, i) => `S${i},Station ${i},-30,-51,10,r${i % 40},America/Sao_Paulo,PT10M`,
  );
  writeFileSync(
    join(folder, 'stations.csv'),
    `id,name,latitude,longitude,altitude,region,timeZone,interval\n${lines.join('\n')}\n`,
  );
  writeFileSync(
    join(folder, 'atalaia.yaml'),
    `environment: test\nstations: { file: stations.csv }\nrules: [${setting.rules ?? join(root, 'rules/inmet')}]\npipeline: { partitions: ${setting.partitions} }\n${setting.more ?? ''}`,
  );
  const argv = [...process.execArgv, join(root, 'src/main.ts'), 'start', '--port', '0', '--lang', 'en'];
  const child = spawn(process.execPath, argv, {
    cwd: folder,
    env: { ...process.env, ATALAIA_LOG_LEVEL: 'warn', NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return {
    url: await addressOf(child),
    stop: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
  };
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

/** Reads on after the address, so that the server can go on writing. */
function addressOf(child: ChildProcess): Promise<string> {
  let text = '';
  return new Promise((found, failed) => {
    child.stdout?.on('data', (chunk) => {
      text = `${text}${chunk}`.slice(-10_000);
      const url = /(http:\/\/127\.0\.0\.1:\d+)/.exec(text)?.[1];
      if (url) found(url);
    });
    child.once('exit', () => failed(new Error(`The server ended; it wrote: ${text}`)));
  });
}

/** Sends NDJSON and resolves when it is acknowledged as durable. */
export async function sendReports(url: string, body: string): Promise<void> {
  const answer = await fetch(`${url}/api/v1/observations`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-ndjson' },
  });
  if (answer.status !== 202) throw new Error(`The server answered ${answer.status}: ${await answer.text()}`);
  await answer.arrayBuffer();
}
