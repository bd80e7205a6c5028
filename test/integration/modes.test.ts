import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runMode } from '../../bench/modes.ts';
import { formatAlertEvent } from '../../src/alerts/event-json.ts';
import { Replay } from '../../src/app/replay.ts';
import { findRuleFiles } from '../../src/app/rule-files.ts';
import { openScenario } from '../../src/ingest/scenario.ts';
import { loadRules } from '../../src/rules/rule-set.ts';
import { root } from './server.ts';

// Streaming, micro-batch and batch are three ways to feed one function: the recorded storm gives the same bytes in all.

const scenario = openScenario(join(root, 'scenarios/rs-2024'));
const { rules } = loadRules(findRuleFiles([join(root, 'rules/inmet')], 'rules'));
const reports = [...scenario.reports()];

test('the storm gives the same events, byte for byte, in streaming, micro-batch, batch and replay', async () => {
  const replay = new Replay({ rules, stations: scenario.stations });
  for (const report of reports) replay.feed(report);
  const expected = replay.finish().map(formatAlertEvent);
  expect(expected.length).toBeGreaterThan(300);
  const options = { rules, stations: scenario.stations, reports, durationMs: 0, everyMs: 300 };
  const streaming = await runMode('streaming', options);
  const microBatch = await runMode('micro-batch', options);
  const batch = await runMode('batch', options);
  for (const { events } of [streaming, microBatch, batch])
    expect(events.join('\n')).toBe(expected.join('\n'));
  expect(microBatch.records).toBe(streaming.records);
  // One transaction a span, of all partitions together.
  expect(microBatch.transactions.ledger).toBeLessThan(streaming.transactions.ledger / 3);
});
