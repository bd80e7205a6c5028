import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { run, temporaryFolder } from './server.ts';

// What somebody types on the first day, and gets wrong: each answer names the place and the remedy, none is a stack.

const folder = temporaryFolder();
const cwd = folder.path;
afterAll(folder.remove);

writeFileSync(join(cwd, 'file'), '');
writeFileSync(join(cwd, 'there.yaml'), 'environment: exercise\ndata: ./file/data\n');
writeFileSync(join(cwd, 'word.yaml'), 'environment: exercise\nfoo: 1\n');
mkdirSync(join(cwd, 'data/exercise'), { recursive: true });
writeFileSync(join(cwd, 'data/exercise/archive.duckdb'), '');

test.each([
  ['an option that is not known', ['start', '--frob'], 2, /'--frob'\. See: atalaia start --help\.$/m],
  ['a data directory that cannot be', ['start', '--config', 'there.yaml'], 1, /file\/data cannot be made: /],
  ['a key that resembles no other', ['start', '--config', 'word.yaml'], 78, /unknown key "foo"; known: /],
  ['events of no configuration', ['events', 'list'], 2, /^atalaia: This belongs to a configuration: /],
  ['rosters of no configuration', ['rosters', 'show'], 0, /^No roster is configured/],
  ['no benchmark', ['bench'], 2, /^atalaia: Name a benchmark; there are: engine, /],
  [
    'an archive beside that of the exercise',
    ['sql', 'SELECT 1'],
    1,
    /that of the exercise is .*data.exercise\.$/m,
  ],
  ['an export of it', ['export', '--format', 'csv'], 1, /that of the exercise is .*data.exercise\.$/m],
])('%s: %j', async (_name, args, status, said) => {
  const answer = await run(args, { cwd });
  expect(answer).toMatchObject({ status, stdout: '' });
  expect(answer.stderr).toMatch(said);
  expect(answer.stderr).not.toMatch(/^\s+at /m);
});

test('doctor without a configuration speaks of the exercise, which has rules', async () => {
  const { status, stdout } = await run(['doctor', '--ntp', 'none'], { cwd });
  expect(status).toBe(0);
  expect(stdout).toMatch(/^ok\trules\tthose of the exercise$/m);
});
