import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { whyNoKafka } from '../test/servers/kafka.ts';
import { whyNoKinesis } from '../test/servers/kinesis.ts';
import { whyNoMoto } from '../test/servers/moto.ts';
import { findPostgresql } from '../test/servers/postgresql.ts';
import { whyNoRabbitmq } from '../test/servers/rabbitmq.ts';

/** The part of Vitest's JSON report that is read here. */
export interface JsonRun {
  readonly numTotalTests: number;
  readonly testResults: readonly FileResult[];
}

interface FileResult {
  readonly name: string;
  readonly status: string;
  readonly message?: string;
  readonly assertionResults: readonly {
    readonly fullName: string;
    readonly status: string;
    readonly failureMessages?: readonly string[] | null;
  }[];
}

export interface Tally {
  passed: number;
  failed: number;
  /** Each failed test (or file that did not load) with the beginning of its message. */
  readonly failures: { readonly file: string; readonly name: string; readonly message: string }[];
  readonly skipped: { readonly file: string; readonly name: string }[];
  /** What the first try said of files that were run once more. */
  readonly triedAgain: FileResult[];
  /** Files of which every test passed and none was skipped. */
  readonly completeFiles: string[];
}

export const emptyTally = (): Tally => ({
  passed: 0,
  failed: 0,
  failures: [],
  skipped: [],
  triedAgain: [],
  completeFiles: [],
});

/** The failures of one file; a file that did not load is one. */
export function failuresOf({
  name: file,
  status,
  message = '',
  assertionResults,
}: FileResult): Tally['failures'] {
  const failures = assertionResults
    .filter((test) => test.status === 'failed')
    .map((test) => ({ file, name: test.fullName, message: test.failureMessages?.join('\n') ?? '' }));
  return status === 'failed' && failures.length === 0
    ? [{ file, name: 'the file itself', message }]
    : failures;
}

export const failedFiles = (run: JsonRun): FileResult[] =>
  run.testResults.filter((file) => failuresOf(file).length > 0);

/** The report of a project with what a second try said of some of its files. */
export const replaceFiles = (run: JsonRun, again: JsonRun): JsonRun => ({
  ...run,
  testResults: run.testResults.map(
    (file) => again.testResults.find(({ name }) => name === file.name) ?? file,
  ),
});

/** Adds a project's report to the tally; returns how many failures it held. */
export function addRun(tally: Tally, run: JsonRun): number {
  let failed = 0;
  for (const result of run.testResults) {
    const { name: file, assertionResults } = result;
    const failures = failuresOf(result);
    const skipped = assertionResults.filter((test) => test.status !== 'passed' && test.status !== 'failed');
    tally.passed += assertionResults.filter((test) => test.status === 'passed').length;
    tally.failures.push(...failures);
    failed += failures.length;
    tally.skipped.push(...skipped.map((test) => ({ file, name: test.fullName })));
    if (failures.length === 0 && skipped.length === 0) tally.completeFiles.push(file);
  }
  tally.failed += failed;
  return failed;
}

/** The text of a test file and of the files that it imports from this repository, one step deep. */
function textWithImports(file: string): string {
  const text = readFileSync(file, 'utf8');
  const imports = [...text.matchAll(/from '(\.[^']+\.ts)'/g)].map((match) =>
    join(dirname(file), match[1] as string),
  );
  return [text, ...imports.filter(existsSync).map((path) => readFileSync(path, 'utf8'))].join('\n');
}

/** Asked once: Maven may try for minutes to bring what is missing. */
let askedKafka: { readonly reason: string | undefined } | undefined;
function kafkaReason(): string | undefined {
  askedKafka ??= { reason: whyNoKafka() };
  return askedKafka.reason;
}

/** Why a test of this file was most likely skipped, and what would add it. */
export function skipHint(file: string, root: string): string {
  const place = relative(root, file);
  const text = textWithImports(file);
  if (/ATALAIA_TEST/.test(text) && process.env.ATALAIA_TEST !== 'all')
    return 'a long test; run `npm run test:all`.';
  if (place.startsWith('test/browser/'))
    return 'no Chromium was found; `apt-get install chromium` brings it (or name one in ATALAIA_CHROMIUM).';
  if (/'xmlsec1'/.test(text))
    return 'openssl or xmlsec1 was not found; `apt-get install openssl xmlsec1` brings them.';
  if (/servers\/postgresql\.ts'/.test(text) && !findPostgresql())
    return 'PostgreSQL 15 or newer was not found; `apt-get install postgresql` brings it (or name its programs in ATALAIA_POSTGRESQL_BIN).';
  if (/servers\/kafka\.ts'/.test(text)) {
    const reason = kafkaReason();
    if (reason !== undefined) return `a Kafka broker cannot be started here: ${reason}.`;
  }
  if (/servers\/rabbitmq\.ts'/.test(text)) {
    const reason = whyNoRabbitmq();
    if (reason !== undefined) return `${reason}.`;
  }
  if (/servers\/kinesis\.ts'/.test(text)) {
    const reason = whyNoKinesis();
    if (reason !== undefined) return `${reason}.`;
  }
  if (/servers\/moto\.ts'/.test(text)) {
    const reason = whyNoMoto();
    if (reason !== undefined) return `${reason}.`;
  }
  if (/shared\/data/.test(text) && !existsSync(join(root, '../shared/data'))) {
    return `the recorded data are not here; they are expected in ${join(root, '../shared/data')}.`;
  }
  return 'the test says why in its own file.';
}
