import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HOUR_MS } from '../model/time.ts';
import { alertsOf, foldOptions } from './fixture.ts';
import { PartitionFold } from './fold.ts';
import { recordsOfStory, ruleSets, stories } from './rule-index-fixture.ts';

/** Shrinking stories of rules and reports takes longer than reading one. */
const runs = { numRuns: 100, endOnFailure: true };
const text = (value: unknown): string => JSON.stringify(value);

test('skipping rules that cannot fire changes no effect and no checkpoint', () => {
  let events = 0;
  fc.assert(
    fc.property(stories, ruleSets, ruleSets, (reports, before, after) => {
      const latenessMs = 4 * HOUR_MS;
      const fast = new PartitionFold({ ...foldOptions, latenessMs });
      const plain = new PartitionFold({ ...foldOptions, latenessMs, isPlain: true });
      recordsOfStory(reports, before, after).forEach((record, i) => {
        const effects = fast.apply(record);
        events += alertsOf(effects).length;
        if (text(plain.apply(record)) !== text(effects)) expect(effects).toEqual(`record ${i}`);
        if (i % 16 === 0) expect(text(fast.snapshot())).toBe(text(plain.snapshot()));
      });
    }),
    runs,
  );
  expect(events).toBeGreaterThan(300);
});

test('a fold that goes on from a checkpoint skips the same', () => {
  fc.assert(
    fc.property(stories, ruleSets, fc.nat(), (reports, rules, cut) => {
      const records = recordsOfStory(reports, rules, rules);
      const whole = new PartitionFold(foldOptions);
      for (const record of records.slice(0, cut % records.length)) whole.apply(record);
      const again = PartitionFold.restore(JSON.parse(text(whole.snapshot())), foldOptions);
      for (const record of records.slice(cut % records.length))
        expect(text(again.apply(record))).toBe(text(whole.apply(record)));
      expect(text(again.snapshot())).toBe(text(whole.snapshot()));
    }),
    runs,
  );
});
