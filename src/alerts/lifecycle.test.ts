import fc from 'fast-check';
import { expect, test } from 'vitest';
import { alertEventNames } from '../model/alert.ts';
import { apply, decide, type LifeState, transitions } from './lifecycle.ts';
import { initialLevelState } from './timeline.ts';
import type { ToldAlert } from './told-alert.ts';

const told = (state: ToldAlert['state']): ToldAlert => ({
  id: 'a',
  revision: 3,
  level: 0,
  levelSinceAt: 1,
  onsetAt: 1,
  firstOnsetAt: 1,
  issuedAt: 1000,
  expiresAt: 9000,
  state,
  endReason: null,
  endedAt: 0,
});
const facts = { isUnverified: false, clockAt: 5000, expiresMs: 6000, level: initialLevelState(2) };

for (const from of Object.keys(transitions) as LifeState[]) {
  for (const event of alertEventNames) {
    test(`${event} from ${from}`, () => {
      const to = transitions[from][event];
      const run = (): ToldAlert =>
        apply(from === 'none' ? null : told(from), { event, level: 0, onsetAt: 1, at: 2 }, facts, 'a');
      if (to === null) expect(run).toThrow(/cannot be/);
      else expect(run()).toMatchObject({ state: to, revision: from === 'none' ? 1 : 4 });
    });
  }
}

test('random walks: revisions count on, an end is last but for a reopening, a level changes with its event', () => {
  const step = fc.record({
    level: fc.integer({ min: -1, max: 1 }),
    isUnverified: fc.boolean(),
    wait: fc.integer({ min: 1, max: 5000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let alert: ToldAlert | null = null;
      let clockAt = 0;
      for (const { level, isUnverified, wait } of steps) {
        clockAt += wait;
        const state = {
          ...initialLevelState(2),
          level,
          onsetAt: 1,
          levelSinceAt: 1,
          lastEnd: level < 0 ? { onsetAt: 1, endedAt: clockAt } : null,
        };
        const all = {
          level: state,
          at: clockAt,
          isTrue: [level >= 0, level > 0],
          isUnverified,
          clockAt,
          expiresMs: 6000,
          isEvaluation: true,
        };
        const decision = decide(alert, all);
        if (!decision) continue;
        const before: ToldAlert | null = alert;
        alert = apply(before, decision, all, 'a');
        expect(alert.revision).toBe((before?.revision ?? 0) + 1);
        if (before?.state === 'ended') expect(['raised', 'updated']).toContain(decision.event);
        if (before && before.state !== 'ended' && before.level !== alert.level)
          expect(decision.event).toBe(alert.level > before.level ? 'escalated' : 'de-escalated');
        if (decision.event === 'unverified') expect(alert.expiresAt).toBe(before?.expiresAt);
      }
    }),
  );
});
