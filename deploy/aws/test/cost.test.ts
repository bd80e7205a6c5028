import assert from 'node:assert/strict';
import { test } from 'node:test';
import { billOf, costTables, totalOf, writtenTables } from '../cost.ts';
import { profileNames } from '../profiles.ts';
import { synthesize } from '../synthesize.ts';

/** A formatter may pad cells. */
const bare = (text: string): string =>
  text
    .replace(/[ -]+/g, ' ')
    .replace(/\s*\|\s*/g, '|')
    .trim();

test('the page tells what the deployment costs; `node cost.ts --write` writes it anew', () => {
  assert.equal(bare(writtenTables()), bare(costTables()));
});

test('a bill follows the template, not the profile', () => {
  const resources = synthesize('municipal');
  const before = billOf('municipal', resources);
  const larger = structuredClone(resources);
  for (const { Type, Properties } of Object.values(larger)) {
    if (Type === 'AWS::Kinesis::Stream') Properties.ShardCount = 3;
    if (Type === 'AWS::ECS::Service') Properties.DesiredCount = 4;
    if (Type === 'AWS::RDS::DBInstance') Properties.DBInstanceClass = 'db.r7g.large';
  }
  const after = billOf('municipal', larger);
  const dollars = (bill: typeof before, what: string): number =>
    bill.find((line) => line.what === what)?.dollars ?? 0;
  const ratio = (what: string): number => dollars(after, what) / dollars(before, what);
  assert.equal(ratio('Kinesis: shards').toFixed(6), '3.000000');
  assert.equal(ratio('Fargate (ARM)').toFixed(6), '2.000000');
  assert.ok(ratio('RDS: instances') > 3);
});

test('no line is missing a figure, and a larger network costs more', () => {
  const totals = profileNames.map((name) => {
    const bill = billOf(name, synthesize(name));
    for (const { what, dollars } of bill)
      assert.ok(Number.isFinite(dollars) && dollars >= 0, `${name}: ${what}`);
    return totalOf(bill);
  });
  assert.deepEqual(
    [...totals].sort((a, b) => a - b),
    totals,
  );
});
