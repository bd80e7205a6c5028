import { expect, test } from 'vitest';
import { alertId } from '../alerts/identity.ts';
import { decodeRecord, encodeRecord } from '../log/record-codec.ts';
import type { ActCommand, ActOutcome, RaiseCommand } from '../model/act.ts';
import { manualRule } from '../model/manual-rule.ts';
import type { LogRecord } from '../model/record.ts';
import type { Rule } from '../model/rule.ts';
import { selfTestCommand } from '../model/self-test.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../model/time.ts';
import { Bench, foldOptions, hour, hourRule, rain, T0 } from './fixture.ts';
import { type FoldSnapshot, PartitionFold } from './fold.ts';

const rule: Rule = manualRule({
  name: 'manual:dam-breach',
  title: { 'pt-BR': 'Rompimento de barragem', en: 'Dam breach' },
  hazard: 'flood',
  instruction: { 'pt-BR': 'Saia do vale.', en: 'Leave the valley.' },
  expiresMs: 12 * HOUR_MS,
  subject: 'area',
});
const at = hour(1);
const raise = (changes: Partial<RaiseCommand> = {}, id = 'r1'): LogRecord => ({
  kind: 'command',
  id,
  command: {
    type: 'raise',
    rule,
    subject: { kind: 'area', id: '4314902' },
    level: 'red',
    at,
    by: 'Ana',
    reason: 'phoned in by the dam',
    ...changes,
  },
});
let number = 0;
function given(bench: Bench, rest: Partial<ActCommand> & Pick<ActCommand, 'act'>): LogRecord {
  const event = bench.events.at(-1);
  if (!event) throw new Error('no alert was told');
  const { alert, revision, rule: name, subject } = event;
  const command: ActCommand = { type: 'act', alert, revision, rule: name, subject, by: 'Ana', ...rest };
  return { kind: 'command', id: `m${number++}`, command };
}
const bench = (): Bench => new Bench([hourRule], T0).tick(at);
const outcomes = (one: Bench): ActOutcome[] =>
  one.effects.flatMap((effect) => (effect.kind === 'act' ? [effect.outcome] : []));

test('an alert raised by hand bears who and why, what stands in place of a rule, and no evidence', () => {
  const one = bench().apply(raise(), raise());
  expect(one.revisions).toHaveLength(1);
  expect(one.revisions[0]).toMatchObject({
    event: {
      alert: alertId('manual:dam-breach', { kind: 'area', id: '4314902' }, at),
      event: 'raised',
      level: 'red',
      hazard: 'flood',
      evidence: [],
    },
    rule: { title: { en: 'Dam breach' } },
    expiresAt: at + 12 * HOUR_MS,
    act: { act: 'raise', by: 'Ana', reason: 'phoned in by the dam' },
  });
  expect(outcomes(one)).toMatchObject([{ command: 'r1', act: 'raise', revision: 1 }]);
});

test('it lives as any alert: edited, extended, told after the second, expired, cancelled', () => {
  const one = bench().apply(raise());
  one.apply(given(one, { act: 'edit', level: 'orange' })).tick(at + SECOND_MS);
  one.tick(at + 5 * SECOND_MS).apply(given(one, { act: 'extend', until: hour(20) }));
  one.feed(rain(2, 0), rain(3, 0)).tick(hour(21));
  expect(one.events.map(({ event, level, endReason }) => [event, level, endReason])).toEqual([
    ['raised', 'red', undefined],
    ['de-escalated', 'orange', undefined],
    ['updated', 'orange', undefined],
    ['ended', 'orange', 'expired'],
  ]);
  const other = bench().apply(raise()).tick(hour(2));
  other
    .apply(given(other, { act: 'cancel', reason: 'false alarm' }))
    .apply(raise())
    .tick(hour(3));
  expect(other.events.map(({ event, endReason }) => [event, endReason])).toEqual([
    ['raised', undefined],
    ['ended', 'cancelled'],
  ]);
});

test('where it is reviewed, who raised it cannot approve it, and time lets it out', () => {
  const publication = { levels: ['red'], withinMs: 10 * MINUTE_MS, onTimeout: 'publish' } as const;
  const one = bench().apply(raise({ rule: { ...rule, publication } }));
  expect(one.revisions[0]?.draft).toMatchObject({ waits: true, authors: ['Ana'] });
  one.tick(at + SECOND_MS).apply(given(one, { act: 'approve', by: 'Ana' }));
  expect(outcomes(one).at(-1)?.refused).toBe('author');
  one.tick(at + 10 * MINUTE_MS);
  expect(one.revisions.at(-1)).toMatchObject({ publishedBy: 'timeout', event: { event: 'raised' } });
  expect(one.revisions.at(-1)?.draft).toBeUndefined();
});

test('a checkpoint keeps it, and the log brings it as it was', () => {
  const one = bench().apply(raise());
  const snapshot = JSON.parse(JSON.stringify(one.fold.snapshot())) as FoldSnapshot;
  const restored = PartitionFold.restore(snapshot, foldOptions);
  const rest = [
    raise(),
    given(one, { act: 'extend', until: hour(30) }),
    { kind: 'tick', at: hour(31) } as const,
  ];
  expect(rest.map((record) => restored.apply(decodeRecord(encodeRecord(record))))).toEqual(
    rest.map((record) => one.fold.apply(record)),
  );
  expect(decodeRecord(encodeRecord(raise()))).toEqual(raise());
});

test("the system's test of itself is public at no time, whatever people do to it, and ends by the clock", () => {
  const one = bench().apply({
    kind: 'command',
    id: 'self-test-1',
    command: selfTestCommand(at, 60_000, 'x'),
  });
  one.apply(given(one, { act: 'edit', text: 'x' }), given(one, { act: 'approve' })).tick(at + HOUR_MS);
  expect(one.events.map(({ event }) => event)).toEqual(['raised', 'updated', 'ended']);
  for (const { draft } of one.revisions) expect(draft).toEqual({ waits: false, authors: [] });
});
