import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Subscription } from '../store/ledger/subscription.ts';
import { MINUTE, START, subscription, world } from './fixture.ts';

const step = (id: string, minutes: number, more: Partial<Subscription> = {}): Subscription =>
  subscription(id, { level: 'orange', escalation: { afterMs: minutes * MINUTE }, ...more });

type World = Awaited<ReturnType<typeof world>>;
let commands = 0;
/** Ana says that she has seen this revision. */
async function acknowledge({ ledger, clock }: World, alert: string, revision: number): Promise<void> {
  const { epoch, offset } = await ledger.acquire(1);
  const command = `c${commands++}`;
  const outcome = { command, act: 'acknowledge', alert, by: 'Ana', at: clock.now(), revision } as const;
  const range = { partition: 1, epoch, from: offset, to: offset + 1, clockAt: START };
  await ledger.commit([{ ...range, revisions: [], acts: [{ offset, outcome }] }]);
}
const first = { issuedAt: START };

it('tells one step after the other, each at its time, through a crash between them', async () => {
  const at = await world([subscription('duty'), step('chief', 10), step('mayor', 30)]);
  await at.add({ alert: 'a', level: 'orange', ...first });
  await at.add({ alert: 'y', level: 'yellow', ...first });
  await at.pass(10 * MINUTE - 2000);
  expect(at.told()).toEqual(['a.1.duty', 'y.1.duty']);
  expect((await at.ledger.deliveries({ alert: 'a', limit: 9 })).map((one) => one.lastError)).toContain(
    'told at 2024-05-01T15:10:00Z unless somebody acknowledges the alert',
  );
  at.restart();
  await at.pass(4000);
  expect(at.told().slice(2)).toEqual(['a.1.chief']);
  at.restart();
  await at.pass(19 * MINUTE);
  expect(at.told().slice(2)).toEqual(['a.1.chief']);
  await at.pass(60 * MINUTE);
  expect(at.told().slice(2)).toEqual(['a.1.chief', 'a.1.mayor']);
});

it('a new revision starts no time anew; who was told hears of the end, whoever was not hears nothing', async () => {
  const at = await world([step('chief', 10), step('mayor', 30)]);
  await at.add({ alert: 'a', level: 'orange', ...first });
  await at.pass(8 * MINUTE);
  await at.add({ alert: 'a', revision: 2, event: 'updated', level: 'orange', issuedAt: START + 8 * MINUTE });
  await at.pass(2 * MINUTE + 3000);
  expect(at.told()).toEqual(['a.2.chief']);
  await acknowledge(at, 'a', 2);
  await at.add({ alert: 'a', revision: 3, event: 'ended', level: 'orange', endReason: 'cleared' });
  await at.pass(60 * MINUTE);
  expect(at.told()).toEqual(['a.2.chief', 'a.3.chief']);
});

it('an acknowledgement of orange answers no red, whose time counts from the red', async () => {
  const at = await world([step('chief', 10)]);
  await at.add({ alert: 'a', level: 'orange', ...first });
  await at.pass(MINUTE);
  await acknowledge(at, 'a', 1);
  await at.pass(30 * MINUTE);
  expect(at.told()).toEqual([]);
  expect(await at.ledger.deliveries({ alert: 'a', limit: 1 })).toMatchObject([
    { state: 'dropped', lastError: 'not told: acknowledged by Ana at 2024-05-01T15:01:00Z' },
  ]);
  const issuedAt = at.clock.now();
  await at.add({ alert: 'a', revision: 2, event: 'escalated', level: 'red', issuedAt });
  await at.pass(9 * MINUTE);
  expect(at.told()).toEqual([]);
  await at.pass(MINUTE + 3000);
  expect(at.told()).toEqual(['a.2.chief']);
});

it('after an acknowledgement nobody further is told; before it everybody was, once and at his time', async () => {
  const plan = fc.record({
    steps: fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
    answer: fc.option(fc.integer({ min: 0, max: 45 })),
    crashes: fc.array(fc.integer({ min: 0, max: 45 }), { maxLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ steps, answer, crashes }) => {
      const at = await world(steps.map((minutes) => step(`s${minutes}`, minutes)));
      await at.add({ alert: 'a', ...first });
      for (let minute = 0; minute <= 45; minute++) {
        // Half a minute past the step's time, so that no answer comes in the same instant.
        await at.pass(minute === 0 ? MINUTE / 2 : MINUTE);
        const due = steps.filter((one) => one <= minute && (answer === null || one <= answer));
        expect(at.told().toSorted()).toEqual(due.map((one) => `a.1.s${one}`).toSorted());
        if (crashes.includes(minute)) at.restart();
        if (minute === answer) await acknowledge(at, 'a', 1);
      }
      await at.ledger.close();
    }),
    { numRuns: 8 },
  );
}, 120_000);
