import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  addRun,
  emptyTally,
  failedFiles,
  failuresOf,
  type JsonRun,
  replaceFiles,
  skipHint,
  type Tally,
} from './test-results.ts';

const usage = `Usage: node scripts/test.ts [--all] [--rest] [--project NAME]…

Runs the suites one after another and ends with the line "N passed, N failed, N skipped".

  --all           the long tests too (sets ATALAIA_TEST=all)
  --rest          only the test files that the last run did not run completely
  --project NAME  unit, simulation, integration, browser or brokers (Kafka, Kinesis, RabbitMQ, PostgreSQL; only with
                  --all unless named)

With ATALAIA_REQUIRE=all a skipped test is a failure. A file with processes, servers or a browser that fails is run once
more, alone; it is named at the end even if it passes then. ATALAIA_SEED=random gives the properties other inputs.
`;

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
/** What the last run left: files of which every test ran. */
const memory = join(root, 'node_modules/.cache/atalaia/complete-tests.json');
const projects = ['unit', 'simulation', 'integration', 'browser'];
/** Needs servers beside us; run with --all only. */
const serverProject = 'brokers';
/** What other programs do may come too early or too late on a busy machine; what runs in one thread is never tried again. */
const timedProjects = ['integration', 'browser', serverProject];
/** More than these is no accident. */
const MOST_TRIED_AGAIN = 3;
/** What is repeated at the end of the message of a failure. */
const FAILURE_LINES = 12;
const FAILURE_CHARACTERS = 1500;

const { values } = parseArgs({
  options: {
    all: { type: 'boolean' },
    rest: { type: 'boolean' },
    project: { type: 'string', multiple: true },
    help: { type: 'boolean', short: 'h' },
  },
});

/** Runs one project; returns the exit status and what the JSON reporter wrote, if anything. */
async function runOnce(
  project: string,
  folder: string,
  done: readonly string[],
  only: readonly string[] = [],
) {
  const out = join(folder, `${project}${only.length > 0 ? '-again' : ''}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${out}`];
  const argv = [vitest, 'run', '--project', project, '--passWithNoTests', ...reporters, ...only];
  // Every thread and process that a test starts reads the same sources: they are stripped of their types once.
  const env = {
    NODE_COMPILE_CACHE: join(memory, '../compiled'),
    ...process.env,
    ...(values.all ? { ATALAIA_TEST: 'all' } : {}),
    // By the configuration: a project with excludes of its own takes none of the command line.
    ...(done.length > 0 ? { ATALAIA_TEST_DONE: done.join(',') } : {}),
  };
  const child = spawn(process.execPath, argv, { cwd: root, stdio: 'inherit', env });
  const status = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
  });
  const run = existsSync(out) ? (JSON.parse(readFileSync(out, 'utf8')) as JsonRun) : undefined;
  return { status, run };
}

/** Runs one project, and files of it that failed by other programs' timing once more, alone. */
async function runProject(project: string, folder: string, done: readonly string[], tally: Tally) {
  const first = await runOnce(project, folder, done);
  const files = first.run ? failedFiles(first.run) : [];
  if (!first.run || files.length === 0 || files.length > MOST_TRIED_AGAIN || !timedProjects.includes(project))
    return first;
  const names = files.map(({ name }) => relative(root, name));
  console.log(`\nOnce more, alone: ${names.join(', ')}`);
  const second = await runOnce(project, folder, [], names);
  if (!second.run) return first;
  tally.triedAgain.push(...files);
  return { status: second.status, run: replaceFiles(first.run, second.run) };
}

function remembered(): string[] {
  return existsSync(memory) ? (JSON.parse(readFileSync(memory, 'utf8')) as string[]) : [];
}

/** Keeps the names of the files that another run need not repeat: nothing skipped, nothing longer with --all. */
function remember(tally: Tally, done: readonly string[]): void {
  const complete = tally.completeFiles.filter((file) => {
    return values.all || !readFileSync(file, 'utf8').includes('ATALAIA_TEST');
  });
  mkdirSync(join(memory, '..'), { recursive: true });
  const names = [...done, ...complete.map((file) => relative(root, file))];
  writeFileSync(memory, `${JSON.stringify([...new Set(names)].sort())}\n`);
}

/** Says what was skipped, why, and what would add it. */
function tellSkipped(tally: Tally): void {
  const byHint = new Map<string, string[]>();
  for (const { file, name } of tally.skipped) {
    const hint = skipHint(file, root);
    byHint.set(hint, [...(byHint.get(hint) ?? []), `${relative(root, file)}: ${name}`]);
  }
  for (const [hint, names] of byHint) {
    console.log(`\nSkipped: ${hint}`);
    for (const name of names) console.log(`  ${name}`);
  }
}

/** Names what failed once more at the end: of a long log often only the end is kept. */
function tellFailed(tally: Tally): void {
  const again = tally.triedAgain.flatMap((file) => failuresOf(file));
  if (again.length > 0) console.log('\nFailed at the first try, and counted by the second:');
  tellFailures(again);
  if (tally.failures.length > 0) console.log('\nFailed:');
  tellFailures(tally.failures);
}

function tellFailures(failures: Tally['failures']): void {
  for (const { file, name, message } of failures) {
    const beginning = message.split('\n').slice(0, FAILURE_LINES).join('\n').slice(0, FAILURE_CHARACTERS);
    console.log(`  ${relative(root, file)}: ${name}\n${beginning.replaceAll(/^/gm, '    ')}`);
  }
}

async function main(): Promise<number> {
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), 'atalaia-test-'));
  const tally = emptyTally();
  const done = values.rest ? remembered() : [];
  const seconds: string[] = [];
  let broken = 0;
  try {
    for (const project of values.project ?? (values.all ? [...projects, serverProject] : projects)) {
      const startedAt = performance.now();
      const { status, run } = await runProject(project, folder, done, tally);
      const failures = run ? addRun(tally, run) : 0;
      // A failure outside any test (a file that does not load, an unhandled rejection) is in no count of tests.
      if (status !== 0 && failures === 0) {
        broken += 1;
        const message = 'A rejection or an error that no test waited for; the log above says which.';
        tally.failures.push({ file: join(root, project), name: 'outside any test', message });
      }
      seconds.push(
        `${project.padEnd(12)} ${((performance.now() - startedAt) / 1000).toFixed(1).padStart(7)} s   ${run?.numTotalTests ?? 0} tests`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (values.project === undefined) remember(tally, done);
  console.log(`\n${seconds.join('\n')}`);
  tellSkipped(tally);
  tellFailed(tally);
  if (!values.all && values.project === undefined)
    console.log(
      `\nNot run: ${serverProject} (Kafka, Kinesis, RabbitMQ, PostgreSQL); run \`npm run test:all\`.`,
    );
  return verdict(tally, broken, done.length > 0);
}

function verdict(tally: Tally, broken: number, isRest: boolean): number {
  const failed = tally.failed + broken;
  const total = tally.passed + failed + tally.skipped.length;
  const isSkipFailure = process.env.ATALAIA_REQUIRE === 'all' && tally.skipped.length > 0;
  if (isSkipFailure) console.log('\nATALAIA_REQUIRE=all: a skipped test is a failure. They are named above.');
  if (total === 0) console.log(isRest ? '\nThe run before left nothing to do.' : '\nNo test was found.');
  console.log(`\n${tally.passed} passed, ${failed} failed, ${tally.skipped.length} skipped`);
  return failed > 0 || isSkipFailure || (total === 0 && !isRest) ? 1 : 0;
}

process.exitCode = await main();
