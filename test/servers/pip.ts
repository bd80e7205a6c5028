import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';

// Packages from PyPI for tests, each set in a folder of its own, as Python finds it by PYTHONPATH.

/** The folder of a set of packages. `variable` of the environment names another place than the cache of the user. */
export const pipFolder = (name: string, version: string, variable: string): string =>
  join(process.env[variable] ?? join(homedir(), '.cache/atalaia', name), version);

function python(args: readonly string[], timeout: number): boolean {
  try {
    execFileSync('python3', args, { stdio: 'ignore', timeout });
    return true;
  } catch {
    return false;
  }
}

/** Why the packages cannot be had here, with the remedy; undefined when they are in the folder. pip brings them once. */
export function whyNoPackages(folder: string, packages: readonly string[]): string | undefined {
  if (existsSync(folder)) return undefined;
  if (!python(['-c', 'import venv, ensurepip'], 30_000))
    return 'no Python 3 with venv: apt-get install python3-venv';
  // Made aside and renamed, whole or not at all: another run may be at it too.
  const work = `${folder}.${process.pid}.${threadId}`;
  mkdirSync(work, { recursive: true });
  try {
    if (
      python(['-m', 'venv', join(work, 'venv')], 120_000) &&
      installs(work, packages) &&
      !existsSync(folder)
    )
      renameSync(join(work, 'packages'), folder);
  } catch {
    // The other one was first.
  }
  rmSync(work, { recursive: true, force: true });
  if (existsSync(folder)) return undefined;
  return `pip could not get ${packages.join(', ')}: run \`pip download ${packages.map((name) => `'${name}'`).join(' ')}\` by hand and see`;
}

function installs(work: string, packages: readonly string[]): boolean {
  const what = ['--target', join(work, 'packages'), ...packages];
  try {
    execFileSync(join(work, 'venv/bin/pip'), ['install', '-q', '--disable-pip-version-check', ...what], {
      stdio: 'ignore',
      timeout: 400_000,
    });
    return true;
  } catch {
    return false;
  }
}
