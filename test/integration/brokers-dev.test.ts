import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { formatInstant } from '../../src/model/time.ts';
import { whyNoKafka } from '../servers/kafka.ts';
import { whyNoKinesis } from '../servers/kinesis.ts';
import { findPostgresql } from '../servers/postgresql.ts';
import { whyNoRabbitmq } from '../servers/rabbitmq.ts';
import { Program, root, temporaryFolder, until } from './server.ts';

// `npm run dev:…`: what it prints is pasted into atalaia.yaml as it stands, the system runs on it, Ctrl-C leaves nothing.

const folder = temporaryFolder();
const programs: Program[] = [];
afterAll(async () => {
  for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
  folder.remove();
});

const isListening = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });

const why: Readonly<Record<string, string | undefined>> = {
  kafka: whyNoKafka(),
  kinesis: whyNoKinesis(),
  rabbitmq: whyNoRabbitmq(),
  postgres: findPostgresql() ? undefined : 'PostgreSQL is not installed',
};

for (const [name, reason] of Object.entries(why)) {
  test.skipIf(reason !== undefined)(`dev:${name}${reason ? ` (skipped: ${reason})` : ''}`, async () => {
    const child = spawn(process.execPath, [join(root, 'scripts/dev-server.ts'), name], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const ended = once(child, 'exit');
    try {
      await until(
        () => stderr.includes('Ctrl-C') || child.exitCode !== null,
        150_000,
        `the server: ${stderr}`,
      );
      const cwd = join(folder.path, name);
      mkdirSync(cwd);
      const rules = `rules: [${join(root, 'rules/inmet')}]\npipeline: { partitions: 4 }\n`;
      writeFileSync(join(cwd, 'atalaia.yaml'), `${stdout}stations: { unknown: accept }\n${rules}`);
      const env = Object.fromEntries(
        [...stderr.matchAll(/set (\w+)=(\S+)/g)].map(([, key, value]) => [key, value]),
      );
      const program = new Program(['start', '--port', '0'], {
        cwd,
        env: { ATALAIA_LOG_LEVEL: 'warn', ...env },
      });
      programs.push(program);
      const url = await program.listening();
      const report = {
        station: 'A801',
        observedAt: formatInstant(Date.now() - 1000),
        interval: 'PT1H',
        values: { rainfall: 70 },
      };
      const answer = await fetch(`${url}/api/v1/observations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(report),
      });
      expect(answer.status).toBe(202);
      const alerts = async (): Promise<number> =>
        ((await (await fetch(`${url}/api/v1/alerts`)).json()) as { items: unknown[] }).items.length;
      await until(async () => (await alerts()) > 0, 60_000, 'the alert');
      expect(await program.signal('SIGTERM'), program.stderr).toBe(0);
    } finally {
      child.kill('SIGINT');
    }
    expect(await ended, stderr).toEqual([0, null]);
    expect(stderr).toContain('Stopped.');
    for (const [, port] of stdout.matchAll(/127\.0\.0\.1:(\d+)/g))
      expect(await isListening(Number(port))).toBe(false);
  });
}
