import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCapGate } from '../../src/alerts/cap/gate.ts';
import { formatAlertEvent } from '../../src/alerts/event-json.ts';
import { Replay } from '../../src/app/replay.ts';
import { findRuleFiles } from '../../src/app/rule-files.ts';
import { openScenario } from '../../src/ingest/scenario.ts';
import { observationsIn } from '../../src/model/effect.ts';
import { loadRules } from '../../src/rules/rule-set.ts';
import {
  archivedRows,
  caughtUp,
  freePort,
  Program,
  pause,
  recordedEvents,
  root,
  run,
  temporaryFolder,
  until,
} from './server.ts';

// `start` without a configuration, as somebody who sees the system for the first time meets it.

const env = { ATALAIA_EXERCISE_SECONDS: '6' };
const ENDED = 'The recording has ended';

function expectedEvents(): string[] {
  const scenario = openScenario(join(root, 'scenarios/rs-2024'));
  const { rules } = loadRules(findRuleFiles([join(root, 'rules/inmet')], 'rules'));
  const replay = new Replay({
    rules,
    stations: scenario.stations,
    onEffect: (effect) => {
      observations += observationsIn(effect).length;
    },
  });
  for (const report of scenario.reports()) replay.feed(report);
  return replay.finish().map(formatAlertEvent);
}

const folder = temporaryFolder();
const programs: Program[] = [];
let expected: string[] = [];
let observations = 0;

function start(cwd: string, port: number, more: Readonly<Record<string, string>> = {}): Program {
  const program = new Program(['start', '--port', String(port)], { cwd, env: { ...env, ...more } });
  programs.push(program);
  return program;
}

async function playToTheEnd(program: Program): Promise<string> {
  const url = await program.listening();
  await until(() => program.stdout.includes(ENDED), 90_000, 'the end of the recording');
  await caughtUp(url);
  return url;
}

beforeAll(() => {
  expected = expectedEvents();
});

afterAll(async () => {
  for (const program of programs) if (!program.hasEnded) await program.signal('SIGKILL');
  folder.remove();
});

interface SseMessage {
  readonly id: string;
  readonly data: string;
}

/** Reads messages of the stream until `count` came or nothing more comes for two seconds. */
async function readStream(url: string, lastEventId: string | null, count: number): Promise<SseMessage[]> {
  const control = new AbortController();
  let quiet = setTimeout(() => control.abort(), 10_000);
  const messages: SseMessage[] = [];
  try {
    const answer = await fetch(`${url}/api/v1/stream`, {
      headers: lastEventId === null ? {} : { 'Last-Event-ID': lastEventId },
      signal: control.signal,
    });
    let text = '';
    for await (const chunk of answer.body as ReadableStream<Uint8Array>) {
      text += Buffer.from(chunk).toString('utf8');
      const blocks = text.split('\n\n');
      text = blocks.pop() as string;
      for (const block of blocks) {
        const id = /^id: (.*)$/m.exec(block)?.[1];
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (id === undefined || data === undefined) continue;
        messages.push({ id, data });
        clearTimeout(quiet);
        quiet = setTimeout(() => control.abort(), 2000);
      }
      if (messages.length >= count) break;
    }
  } catch (error) {
    if (!control.signal.aborted) throw error;
  } finally {
    clearTimeout(quiet);
    control.abort();
  }
  return messages;
}

/** A backtest of the rules in force over the archive finds what the live fold told. */
async function checkBacktest(url: string): Promise<void> {
  const body = { from: '2024-04-01T00:00:00Z', to: '2024-06-15T00:00:00Z', author: 'Ana' };
  const answer = await fetch(`${url}/api/v1/backtests`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(202);
  const address = `${url}${answer.headers.get('location')}`;
  let job: {
    state: string;
    error?: string;
    report?: { rows: { rule: string; level: string; alerts: number }[] };
  };
  do {
    await pause(200);
    job = (await (await fetch(address)).json()) as typeof job;
  } while (job.state === 'waiting' || job.state === 'running');
  expect(job.error).toBeUndefined();
  const raised = expected.filter((line) => line.includes('"event":"raised"'));
  const counts = Map.groupBy(raised, (line) => JSON.parse(line).rule as string);
  for (const [rule, lines] of counts) {
    const levels = job.report?.rows.filter((row) => row.rule === rule) ?? [];
    // The lowest level counts every alert.
    expect([rule, levels[0]?.alerts]).toEqual([rule, lines.length]);
  }
  expect((await fetch(`${address}0`)).status).toBe(404);
}

describe('the exercise', () => {
  const data = join(folder.path, 'data/exercise');

  test('plays in an empty folder, tells a taken port, and records what replay gives, byte for byte', async () => {
    const port = await freePort();
    const holder = createServer().listen(port, '127.0.0.1');
    const program = start(folder.path, port);
    const url = await program.listening();
    expect(new URL(url).port).not.toBe(String(port));
    expect(program.stdout).toMatch(new RegExp(`Port ${port} is taken; using \\d+\\.`));
    expect(program.stdout).toContain('New exercise');
    const first = await readStream(url, null, 20);
    await playToTheEnd(program);
    holder.close();
    await checkFeed(url);
    await checkResume(url, first);
    await checkBacktest(url);
    // A second one would begin anew, and take the files away from under the page that is open.
    const second = await run(['start'], { cwd: folder.path, env });
    expect(second).toMatchObject({ status: 1, stdout: '' });
    expect(second.stderr).toMatch(/in use by process \d+/);
    expect(existsSync(`${data}.previous`)).toBe(false);
    const begun = performance.now();
    expect(await program.signal('SIGINT')).toBe(0);
    expect(performance.now() - begun).toBeLessThan(6000);
    const events = await recordedEvents(data);
    expect(events.join('\n')).toBe(expected.join('\n'));
    const rain = new Set(events.filter((line) => line.includes('"rule":"chuva-intensa"')).map(alertOf));
    expect(rain.size).toBe(114);
  });

  test('begins anew after its end, and goes on after a kill with a damaged archive log', async () => {
    const again = start(folder.path, await freePort());
    await again.listening();
    expect(again.stdout).toContain('this one begins anew');
    await until(() => (again.stdout.match(/EXERCISE/g) ?? []).length > 15, 60_000, 'some alerts');
    await pause(700);
    await again.signal('SIGKILL');
    expect(again.stdout).not.toContain(ENDED);
    const wal = join(data, 'archive.duckdb.wal');
    const walBytes = existsSync(wal) ? statSync(wal).size : 0;
    if (walBytes > 0) damage(wal);
    const resumed = start(folder.path, await freePort());
    const url = await playToTheEnd(resumed);
    expect(resumed.stdout).toContain('it resumes where it stopped');
    console.log(
      `${walBytes} bytes of the archive's write-ahead log were damaged; told: ${resumed.stderr.includes('wal-damaged')}`,
    );
    const stations = (await (await fetch(`${url}/api/v1/stations`)).json()) as { items: unknown[] };
    expect(stations.items.length).toBeGreaterThan(0);
    expect(await resumed.signal('SIGINT')).toBe(0);
    expect((await recordedEvents(data)).join('\n')).toBe(expected.join('\n'));
    // What the damaged log held is folded again: each observation is there once.
    expect(await archivedRows(data)).toEqual({ rows: observations, keys: observations });
  });
});

const alertOf = (line: string): string => (JSON.parse(line) as { alert: string }).alert;

function damage(path: string): void {
  const bytes = readFileSync(path);
  for (let at = Math.floor(bytes.length / 3); at < bytes.length; at += 97)
    bytes[at] = (bytes[at] as number) ^ 0xff;
  writeFileSync(path, bytes);
}

/** Every message that the feed names is valid against the XSD and says Exercise. */
async function checkFeed(url: string): Promise<void> {
  const gate = await openCapGate();
  const feed = await (await fetch(`${url}/cap/feed.atom`)).text();
  const links = [...feed.matchAll(/href="([^"]*cap\.xml[^"]*)"/g)].map((match) => match[1] as string);
  expect(links.length).toBeGreaterThan(10);
  for (const link of links) {
    const answer = await fetch(new URL(link.replaceAll('&amp;', '&'), url));
    expect(answer.status).toBe(200);
    const xml = await answer.text();
    expect(gate.check(xml)).toEqual([]);
    expect(xml).toContain('<status>Exercise</status>');
  }
}

/** From the tenth message on, the stream gives again what came after it, and then what followed. */
async function checkResume(url: string, first: readonly SseMessage[]): Promise<void> {
  expect(first.length).toBeGreaterThanOrEqual(20);
  const from = first[9] as SseMessage;
  const rest = await readStream(url, from.id, expected.length);
  expect(rest.slice(0, first.length - 10)).toEqual(first.slice(10));
  expect(new Set(rest.map(({ id }) => id)).size).toBe(rest.length);
  expect(rest.length).toBeGreaterThanOrEqual(expected.length - 200);
}
