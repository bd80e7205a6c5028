import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Program, root, run, temporaryFolder } from './server.ts';

// What is wrong at the start is told with its place and remedy, and with the exit status of design section 8.

const folder = temporaryFolder();
afterAll(folder.remove);
let made = 0;

/** A folder of its own with `atalaia.yaml`. */
function configured(yaml: string): string {
  const path = join(folder.path, String(++made));
  mkdirSync(path);
  writeFileSync(join(path, 'atalaia.yaml'), yaml);
  return path;
}

const RULES = `rules: [${join(root, 'rules/inmet')}]\n`;

test('the version is told', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  expect(await run(['--version'], { cwd: folder.path })).toEqual({
    status: 0,
    stdout: `${version}\n`,
    stderr: '',
  });
});

describe('a wrong configuration ends with 78 and', () => {
  test.each([
    ['names the nearest key', `${RULES}enviroment: exercise\n`, /enviroment.*environment/s],
    [
      'names the nearest key inside',
      `${RULES}pipeline: { guarante: exactly-once }\n`,
      /pipeline\.guarante.*guarantee/s,
    ],
    [
      'wants people and keys for an open address',
      `${RULES}listen: 0.0.0.0:0\n`,
      /0\.0\.0\.0.*users and station ?keys/is,
    ],
    [
      'wants people and keys for real warnings',
      `${RULES}environment: actual\n`,
      /actual.*users and station ?keys/is,
    ],
    [
      'names a channel that is not there',
      `${RULES}subscriptions: [ { name: ops, channel: opps } ]\n`,
      /opps/,
    ],
    ['tells a value that is none', `${RULES}pipeline: { mode: fast }\n`, /pipeline\.mode/],
    ['tells where YAML is broken', 'environment: [exercise\n', /atalaia\.yaml:\d+/],
    [
      'names a secret that is not set',
      `${RULES}channels: { ops: { kind: webhook, url: "http://127.0.0.1:9", secret: { env: NOT_SET_HERE } } }\n`,
      /NOT_SET_HERE/,
    ],
    [
      'names a kind of log that is not there',
      `${RULES}log: { kind: kafkaa }\n`,
      /log(\.kind)?: .*embedded.*kafka/,
    ],
    ['wants brokers', `${RULES}log: { kind: kafka, topic: storm }\n`, /log\.brokers: /],
    [
      'names the nearest key of a log',
      `${RULES}log: { kind: kafka, brokers: ["127.0.0.1:9"], topic: storm, replicaton: 3 }\n`,
      /log\.replicaton.*replication/s,
    ],
    [
      'names the secret of a log',
      `${RULES}log: { kind: kafka, brokers: ["127.0.0.1:9"], topic: t, sasl: { mechanism: PLAIN, username: a, password: { env: NOT_SET_THERE } } }\n`,
      /log\.sasl\.password: .*NOT_SET_THERE/,
    ],
    ['wants an address of PostgreSQL', `${RULES}store: { kind: postgresql }\n`, /store\.url: /],
    [
      'tells an address that is none, without its password',
      `${RULES}store: { kind: postgresql, url: "postgresql://a@h:5432/d", shards: ["mysql://user:hidden@host/x"] }\n`,
      /store\.shards\.0: (?!.*hidden)/s,
    ],
  ])('%s', async (_, yaml, message) => {
    const { status, stderr } = await run(['start', '--port', '0'], { cwd: configured(yaml) });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(status).toBe(78);
  });

  test.each([
    [
      '@platformatic/kafka',
      'log: { kind: kafka, brokers: ["127.0.0.1:9"], topic: t }\n',
      'npm install @platformatic/kafka',
    ],
    ['pg', 'store: { kind: postgresql, url: "postgresql://h/d" }\n', 'npm install pg'],
    ['pg-copy-streams', 'store: { kind: postgresql, url: "postgresql://h/d" }\n', 'pg-copy-streams`'],
  ])('names the command that brings %s where it is missing', async (name, yaml, message) => {
    const hook = `import { registerHooks } from 'node:module';
registerHooks({ resolve(found, context, next) {
  if (found === '${name}') throw Object.assign(new Error('not installed'), { code: 'ERR_MODULE_NOT_FOUND' });
  return next(found, context);
} });`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` };
    const { status, stderr } = await run(['start', '--port', '0'], { cwd: configured(RULES + yaml), env });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(status).toBe(78);
  });

  test('gives file, line and column of a mistake in a rule', async () => {
    const cwd = configured('rules: [rules]\n');
    mkdirSync(join(cwd, 'rules'));
    writeFileSync(
      join(cwd, 'rules/chuva.yaml'),
      'rule: chuva\ntitle: { pt-BR: Chuva, en: Rain }\nhazard: rain\nsubject: station\nlevels:\n  yellow: sum(rainfall, 1h) >= 20 °C\nexpires: 6h\n',
    );
    const { status, stderr } = await run(['start', '--port', '0'], { cwd });
    expect(stderr).toMatch(/rules\/chuva\.yaml:6:\d+: /);
    expect(status).toBe(78);
  });

  test('tells a configuration file that is not there', async () => {
    const { status, stderr } = await run(['start', '--config', 'no.yaml'], { cwd: folder.path });
    expect(stderr).toContain('no.yaml');
    expect(status).toBe(78);
  });

  test('reads the environment: a mode that is none, by ATALAIA_PIPELINE_MODE', async () => {
    const env = { ATALAIA_PIPELINE_MODE: 'fast' };
    const { status, stderr } = await run(['start', '--port', '0'], { cwd: configured(RULES), env });
    expect(stderr).toMatch(/pipeline\.mode/);
    expect(status).toBe(78);
  });
});

describe('a configured start', () => {
  let taken = 0;
  const holder = createServer();
  beforeAll(async () => {
    holder.listen(0, '127.0.0.1');
    await once(holder, 'listening');
    taken = (holder.address() as { port: number }).port;
  });
  afterAll(() => void holder.close());

  test('does not look for another port: 1', async () => {
    const { status, stderr } = await run(['start', '--port', String(taken)], { cwd: configured(RULES) });
    expect(stderr).toContain(`127.0.0.1:${taken} is taken`);
    expect(status).toBe(1);
  });

  test('lets the environment win over the file', async () => {
    const env = {
      ATALAIA_PIPELINE_MODE: 'micro-batch',
      ATALAIA_LOG_LEVEL: 'warn',
      ATALAIA_ENVIRONMENT: 'test',
    };
    const program = new Program(['start', '--port', '0'], {
      cwd: configured(`${RULES}pipeline: { mode: fast }\n`),
      env,
    });
    const url = await program.listening();
    const status = (await (await fetch(`${url}/api/v1/status`)).json()) as { environment: string };
    expect(status.environment).toBe('test');
    // A micro-batch of a minute is not waited for.
    const begun = performance.now();
    expect(await program.signal('SIGTERM')).toBe(0);
    expect(performance.now() - begun).toBeLessThan(20_000);
  });
});

describe('wrong usage ends with 2:', () => {
  test.each([
    ['no command', []],
    ['an unknown command', ['strat']],
    ['an unknown option', ['start', '--prot', '1']],
    ['a port that is none', ['start', '--port', '99999']],
    ['a language that is none', ['start', '--lang', 'fr']],
    ['replay without files', ['replay']],
  ])('%s', async (_, args) => {
    const { status, stdout, stderr } = await run(args, { cwd: folder.path });
    expect(status).toBe(2);
    expect(stdout + stderr).toContain('atalaia');
  });
});
