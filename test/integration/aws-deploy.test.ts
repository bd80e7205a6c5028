import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from './server.ts';

// The two folders of deploy with packages of their own are installed as their lockfiles say and run their tests: the
// CDK app is synthesized for every profile and looked at, the manifests are checked against the schemas.

const MINUTES_10 = 600_000;

/** Runs a program to its end; `npm` is the one beside this Node. */
function run(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<{ status: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-50_000);
      });
    child.once('error', reject);
    child.once('close', (code) => resolve({ status: code ?? -1, output }));
  });
}

describe.each(['aws', 'kubernetes'])('deploy/%s', (name) => {
  const folder = join(root, 'deploy', name);

  test(
    'is installed from its lockfile, and its own tests pass',
    async () => {
      const installed = await run('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], folder);
      expect(installed.status, installed.output).toBe(0);
      const tested = await run(process.execPath, ['--test', '--test-reporter=tap'], folder);
      expect(tested.status, tested.output).toBe(0);
      // A runner that found nothing is content too.
      expect(Number(/^# pass (\d+)$/m.exec(tested.output)?.[1])).toBeGreaterThan(name === 'aws' ? 50 : 8);
      expect(tested.output).toMatch(/^# skipped 0$/m);
    },
    MINUTES_10,
  );
});

test('docs/scaling.md is in step with the results of the benchmarks', async () => {
  const { status, output } = await run(process.execPath, ['scripts/make-scaling.ts', '--check'], root);
  expect(status, output).toBe(0);
});
