import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { guaranteesOf, guaranteeWarningsOf, loadConfig } from './config.ts';

function configured(yaml: string, env: Record<string, string> = {}): ReturnType<typeof loadConfig> {
  const folder = mkdtempSync(join(tmpdir(), 'atalaia-config-'));
  try {
    const file = join(folder, 'atalaia.yaml');
    writeFileSync(file, yaml);
    return loadConfig(file, env);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('exactly once is what nobody has to ask for, and needs no warning', () => {
  const config = configured('environment: exercise\n');
  expect(guaranteesOf(config)).toEqual({
    ledger: 'exactly-once',
    archive: 'exactly-once',
    topic: 'exactly-once',
  });
  expect(guaranteeWarningsOf(config)).toEqual([]);
  expect(config.pipeline.checkpointEvery).toBe(1000);
  expect(config.sinks.topic).toBeUndefined();
});

test('one word is for all sinks; a topic that is not there is not warned of', () => {
  const config = configured('pipeline: { guarantee: at-most-once, checkpointEvery: 5s }\n');
  expect(Object.values(guaranteesOf(config))).toEqual(['at-most-once', 'at-most-once', 'at-most-once']);
  const warnings = guaranteeWarningsOf(config);
  expect(warnings.map((text) => text.split(' ')[0])).toEqual([
    'pipeline.guarantee.ledger',
    'pipeline.guarantee.archive',
  ]);
  expect(warnings[0]).toContain('loses');
  expect(config.pipeline.checkpointEvery).toBe(5000);
});

test('each sink by its name, in the file and in the environment', () => {
  const yaml =
    'pipeline: { guarantee: { archive: at-least-once } }\nsinks: { topic: { kind: embedded, name: alerts } }\n';
  expect(guaranteesOf(configured(yaml))).toEqual({
    ledger: 'exactly-once',
    archive: 'at-least-once',
    topic: 'exactly-once',
  });
  expect(guaranteeWarningsOf(configured(yaml))).toEqual([expect.stringContaining('repeats')]);
  const all = configured('environment: exercise\n', { ATALAIA_PIPELINE_GUARANTEE: 'at-least-once' });
  expect(guaranteesOf(all).ledger).toBe('at-least-once');
});

test.each([
  ['pipeline: { guarantee: sometimes }\n', /pipeline\.guarantee/],
  ['pipeline: { guarantee: { ledgr: exactly-once } }\n', /pipeline\.guarantee/],
  ['sinks: { topic: { name: "../alerts" } }\n', /sinks\.topic\.name/],
  ['sinks: { topics: { name: alerts } }\n', /sinks\.topics.*topic/],
])('refuses %s', (yaml, message) => {
  expect(() => configured(yaml)).toThrow(message);
});
