import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Directory, Roster } from '../model/roster.ts';
import { DAY_MS } from '../model/time.ts';
import type { Subscription } from '../store/ledger/subscription.ts';
import { MINUTE, START, subscription, world } from './fixture.ts';

const directory: Directory = {
  people: Object.fromEntries(
    ['ana', 'bia', 'caio', 'prefeito'].map((name) => [name, { name, contacts: [{ channel: 'ops' }] }]),
  ),
  groups: { chefia: ['bia', 'caio'] },
  rosters: {
    plantao: {
      timeZone: 'America/Sao_Paulo',
      people: ['ana', 'bia'],
      // Noon is START: ana until the next noon.
      startsWall: START - 3 * 60 * MINUTE,
      everyMs: DAY_MS,
      overrides: [],
    },
  },
};

const ladder = (rounds: number, more: Partial<Subscription> = {}): Subscription =>
  subscription('d', {
    channel: 'people',
    level: 'orange',
    ladder: {
      steps: [
        { to: { roster: 'plantao' }, afterMs: 5 * MINUTE },
        { to: { group: 'chefia' }, afterMs: 10 * MINUTE },
      ],
      rounds,
      last: { person: 'prefeito' },
    },
    ...more,
  });

type World = Awaited<ReturnType<typeof world>>;
const keys = ({ received }: World): string[] => received.map(({ key }) => key);
let commands = 0;
async function acknowledge({ ledger, clock }: World, alert: string, revision: number): Promise<void> {
  const { epoch, offset } = await ledger.acquire(1);
  const outcome = {
    ...({ command: `l${commands++}`, act: 'acknowledge', alert, by: 'Ana' } as const),
    ...{ at: clock.now(), revision },
  };
  const range = { partition: 1, epoch, from: offset, to: offset + 1, clockAt: START };
  await ledger.commit([{ ...range, revisions: [], acts: [{ offset, outcome }] }]);
}
const noted = async ({ ledger }: World): Promise<object[]> =>
  (await ledger.audit({ after: 0, limit: 100 }))
    .map(({ json }) => JSON.parse(json) as { action: string; subject: string })
    .filter(({ action }) => action === 'escalation.unanswered');
const orange = { alert: 'a', level: 'orange', issuedAt: START } as const;

it('climbs step by step through all rounds to the last resort, and notes that nobody answered', async () => {
  const at = await world([ladder(2)], { directory });
  await at.add(orange);
  const told: string[][] = [];
  for (const minutes of [1, 5, 10, 5, 10, 60]) {
    const before = keys(at).length;
    at.restart();
    await at.pass(minutes * MINUTE);
    told.push(keys(at).slice(before).toSorted());
  }
  expect(told).toEqual([
    ['a.1.d~01.ana.1'],
    ['a.1.d~02~bia.bia.1', 'a.1.d~02~caio.caio.1'],
    ['a.1.d~03.ana.1'],
    ['a.1.d~04~bia.bia.1', 'a.1.d~04~caio.caio.1'],
    ['a.1.d~05.prefeito.1'],
    [],
  ]);
  expect(await noted(at)).toMatchObject([
    { subject: 'a', by: 'clock', detail: { revision: 1, subscription: 'd' } },
  ]);
});

it('tells whoever is on duty when it is told, with a key of his own after a handover', async () => {
  const roster = subscription('r', { channel: 'people', to: { roster: 'plantao' } });
  const stands = { from: START + 2 * MINUTE, to: START + DAY_MS, person: 'bia' };
  const rosters = { plantao: { ...(directory.rosters.plantao as Roster), overrides: [stands] } };
  const at = await world([roster], { directory: { ...directory, rosters } });
  at.trouble.answer = (key) =>
    key.includes('.ana.') ? { kind: 'retry-later', reason: 'HTTP 503' } : undefined;
  await at.add({ alert: 'a', issuedAt: START });
  await at.pass(10 * MINUTE);
  const [first, ...rest] = keys(at);
  expect(first).toBe('a.1.r.ana.1');
  expect(new Set(rest)).toEqual(new Set(['a.1.r.ana.1', 'a.1.r.bia.1']));
  expect(keys(at).filter((key) => key.includes('bia'))).toHaveLength(1);
  expect(await at.states()).toEqual({ 'a.1.r': 'delivered' });
});

it('tells further revisions once to each who was told, and the end to nobody else', async () => {
  const at = await world([ladder(2)], { directory });
  await at.add(orange);
  await at.pass(16 * MINUTE);
  const before = keys(at).length;
  await at.add({ ...orange, revision: 2, event: 'updated', issuedAt: START + 16 * MINUTE });
  await at.pass(MINUTE);
  expect(keys(at).slice(before).toSorted()).toEqual([
    'a.2.d~01.ana.1',
    'a.2.d~02~bia.bia.1',
    'a.2.d~02~caio.caio.1',
  ]);
  await at.add({ ...orange, revision: 3, event: 'ended', endReason: 'cleared' });
  await at.pass(90 * MINUTE);
  expect(
    keys(at)
      .slice(before + 3)
      .toSorted(),
  ).toEqual(['a.3.d~01.ana.1', 'a.3.d~02~bia.bia.1', 'a.3.d~02~caio.caio.1']);
  expect(await noted(at)).toEqual([]);
});

it('an acknowledgement stops the ladder; a rise above it begins all rounds anew', async () => {
  const at = await world([ladder(2)], { directory });
  await at.add(orange);
  await at.pass(16 * MINUTE);
  await acknowledge(at, 'a', 1);
  const before = keys(at).length;
  await at.pass(60 * MINUTE);
  expect(keys(at)).toHaveLength(before);
  await at.add({ ...orange, revision: 2, event: 'escalated', level: 'red', issuedAt: at.clock.now() });
  await at.pass(60 * MINUTE);
  expect(
    keys(at)
      .slice(before)
      .map((key) => key.replace(/^a\.2\.d~|\.1$/g, ''))
      .toSorted(),
  ).toEqual(['01.ana', '02~bia.bia', '02~caio.caio', '03.ana', '04~bia.bia', '04~caio.caio', '05.prefeito']);
});

it('after an outage each step is given its time again, and none is passed over', async () => {
  const at = await world([ladder(1)], { directory });
  // The server was away for an hour.
  await at.add({ ...orange, issuedAt: START - 60 * MINUTE });
  await at.pass(4 * MINUTE);
  expect(keys(at)).toEqual(['a.1.d~01.ana.1']);
  await at.pass(2 * MINUTE);
  expect(keys(at)).toHaveLength(3);
  await at.pass(8 * MINUTE);
  expect(keys(at)).toHaveLength(3);
  await at.pass(3 * MINUTE);
  expect(keys(at).at(-1)).toBe('a.1.d~04.prefeito.1'.replace('04', '03'));
});

it('a contact that fails gives way to the next, also while it hangs', async () => {
  const contacts = ['a', 'b', 'c'].map((address) => ({ channel: 'ops', address }));
  const one: Directory = { ...directory, people: { ana: { name: 'Ana', contacts } } };
  const person = subscription('p', { channel: 'people', to: { person: 'ana' } });
  const at = await world([person], { directory: one });
  at.trouble.answer = (key) =>
    key.endsWith('.1')
      ? new Promise(() => {})
      : key.endsWith('.2')
        ? { kind: 'rejected', reason: 'HTTP 410' }
        : undefined;
  await at.add(orange);
  await at.pass(MINUTE);
  expect(await at.states()).toEqual({ 'a.1.p': 'delivered' });
  expect(keys(at)).toEqual(['a.1.p.ana.2', 'a.1.p.ana.3']);
});

it('what names people that are gone is given up with the reason', async () => {
  const gone = (['roster', 'group', 'person'] as const).map((kind) =>
    subscription(kind, { channel: 'people', to: { [kind]: 'nobody' } as never }),
  );
  const at = await world(gone, { directory });
  await at.add(orange);
  await at.pass(MINUTE);
  const dead = await at.ledger.deliveries({ state: 'dead', limit: 9 });
  expect(dead.map(({ lastError }) => lastError).toSorted()).toEqual([
    'there is no group "nobody" in the configuration',
    'there is no person "nobody" in the configuration',
    'there is no roster "nobody" in the configuration',
  ]);
});

it('tells each step once, in order and none after the answer, whatever crashes and failures come', async () => {
  const plan = fc.record({
    rounds: fc.integer({ min: 1, max: 3 }),
    answer: fc.option(fc.integer({ min: 0, max: 50 })),
    crashes: fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 5 }),
    updates: fc.uniqueArray(fc.integer({ min: 1, max: 49 }), { maxLength: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ rounds, answer, crashes, updates }) => {
      const at = await world([ladder(rounds)], { directory });
      await at.add(orange);
      let revision = 1;
      for (let minute = 0; minute <= 50; minute++) {
        await at.pass(minute === 0 ? MINUTE / 2 : MINUTE);
        const steps = new Set(keys(at).map((key) => Number(/~(\d\d)/.exec(key)?.[1])));
        const due = Array.from({ length: rounds * 2 + 1 }, (_, i) => i + 1).filter((step) => {
          const dueAt = Math.floor((step - 1) / 2) * 15 + ((step - 1) % 2) * 5;
          return dueAt <= minute && (answer === null || dueAt <= answer);
        });
        expect([...steps].toSorted((a, b) => a - b)).toEqual(due);
        expect(new Set(keys(at)).size).toBe(keys(at).length);
        if (crashes.includes(minute)) at.restart();
        if (updates.includes(minute) && (answer === null || minute < answer))
          await at.add({ ...orange, revision: ++revision, event: 'updated', issuedAt: at.clock.now() });
        if (minute === answer) await acknowledge(at, 'a', revision);
      }
      const isOver = rounds * 15 <= Math.min(50, answer ?? 50);
      expect(await noted(at)).toHaveLength(isOver ? 1 : 0);
      await at.ledger.close();
    }),
    { numRuns: 8 },
  );
}, 120_000);
