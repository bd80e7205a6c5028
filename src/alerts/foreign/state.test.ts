import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, formatInstant, HOUR_MS } from '../../model/time.ts';
import type { ReadAlert } from '../cap/read/message.ts';
import { type ForeignFacts, foreignFacts, RETENTION_MS } from './facts.ts';
import { info, message } from './fixture.ts';
import { ForeignAlerts, foreignLevel, highestLevel, liveInfo } from './state.ts';

const T0 = Date.UTC(2026, 0, 15);
const NOW = T0 + 12 * HOUR_MS;
const at = (hours: number): string => formatInstant(T0 + hours * HOUR_MS);

function factsOf(one: ReadAlert, now = NOW, source = 'feed'): ForeignFacts {
  const facts = foreignFacts(one, { source, now, faulty: false });
  if ('refused' in facts) throw new Error(facts.refused);
  return facts;
}

function stateAfter(messages: readonly ForeignFacts[]): ForeignAlerts {
  const state = new ForeignAlerts();
  for (const one of messages) expect(state.add(one)).toBe(true);
  return state;
}
const said = (state: ForeignAlerts, now = NOW): readonly string[] =>
  state.view(now).map(({ alert, state: is }) => `${alert.identifier} ${is}`);

/** A message by its name, hour of sending and what it refers to. */
function made(
  msgType: string,
  identifier: string,
  hour: number,
  references: readonly string[] = [],
  more: Partial<ReadAlert> = {},
): ReadAlert {
  return message({
    msgType,
    identifier,
    sent: at(hour),
    references: references.map((one) => `x@example.org,${one},${at(0)}`).join(' '),
    info: [info({ expires: at(20) })],
    ...more,
  });
}

function permutations<T>(list: readonly T[]): readonly (readonly T[])[] {
  if (list.length < 2) return [list];
  return list.flatMap((one, i) => permutations(list.filter((_, j) => j !== i)).map((rest) => [one, ...rest]));
}

describe('in every order of arrival', () => {
  it.each<[string, readonly ReadAlert[], readonly string[]]>([
    ['an update', [made('Alert', 'a', 1), made('Update', 'b', 2, ['a'])], ['b active', 'a superseded']],
    [
      'a chain that names only the one before',
      [made('Alert', 'a', 1), made('Update', 'b', 2, ['a']), made('Update', 'c', 3, ['b'])],
      ['c active', 'b superseded', 'a superseded'],
    ],
    [
      'a cancellation of all',
      [made('Alert', 'a', 1), made('Update', 'b', 2, ['a']), made('Cancel', 'c', 3, ['a', 'b'])],
      ['b cancelled', 'a cancelled'],
    ],
    [
      'a cancelled update does not bring back what it replaced',
      [made('Alert', 'a', 1), made('Update', 'b', 2, ['a']), made('Cancel', 'c', 3, ['b'])],
      ['b cancelled', 'a superseded'],
    ],
    [
      'one update for two alerts',
      [made('Alert', 'a', 1), made('Alert', 'b', 2), made('Update', 'c', 3, ['a', 'b'])],
      ['c active', 'b superseded', 'a superseded'],
    ],
    [
      'a name used again after its cancellation',
      [made('Alert', 'a', 1), made('Cancel', 'c', 2, ['a']), made('Alert', 'a', 3)],
      ['a active'],
    ],
    ['an update under the same name', [made('Alert', 'a', 1), made('Update', 'a', 2, ['a'])], ['a active']],
    [
      'a cancellation under the same name',
      [made('Alert', 'a', 1), made('Cancel', 'a', 2, ['a'])],
      ['a cancelled'],
    ],
    ['an update that refers to itself', [made('Update', 'a', 1, ['a'])], ['a active']],
    ['an alert withdrawn', [made('Alert', 'a', 1), made('Error', 'e', 2, ['a'])], ['a withdrawn']],
    [
      'a cancelled test',
      [made('Alert', 'a', 1), made('Cancel', 'c', 2, ['a'], { status: 'Test' })],
      ['a active'],
    ],
    [
      'a cancellation by a stranger',
      [made('Alert', 'a', 1), made('Cancel', 'c', 2, ['a'], { sender: 'y@example.org' })],
      ['a active'],
    ],
  ])('%s', (_name, messages, expected) => {
    for (const order of permutations(messages.map((one) => factsOf(one))))
      expect(said(stateAfter(order))).toEqual(expected);
  });

  const random = fc.record({
    msgType: fc.constantFrom('Alert', 'Update', 'Cancel', 'Error'),
    identifier: fc.constantFrom('a', 'b', 'c', 'd'),
    sender: fc.constantFrom('x@example.org', 'y@example.org'),
    status: fc.constantFrom('Actual', 'Actual', 'Test'),
    hour: fc.integer({ min: 0, max: 6 }),
    expires: fc.integer({ min: 1, max: 30 }),
    headline: fc.constantFrom('1', '2'),
    source: fc.constantFrom('p', 'q'),
    references: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 3 }),
  });
  type Random = typeof random extends fc.Arbitrary<infer T> ? T : never;
  const asFacts = ({ hour, expires, headline, source, references, ...one }: Random): ForeignFacts =>
    factsOf(
      message({
        ...one,
        sent: at(hour),
        references: references.map((id) => `${one.sender},${id},${at(0)}`).join(' '),
        info: [info({ expires: at(expires), headline })],
      }),
      NOW,
      source,
    );

  /** In force by the words of the standard, from all messages at once: no maps, no joins. */
  function inForce(all: readonly Random[]): ReadonlySet<string> {
    const warns = (one: Random): boolean => one.msgType === 'Alert' || one.msgType === 'Update';
    const same = (a: Random, b: Random): boolean => a.sender === b.sender && a.status === b.status;
    const names = all.filter(
      (one) =>
        warns(one) &&
        !all.some((other) => {
          if (!same(one, other) || other.hour < one.hour) return false;
          if (other.msgType === 'Alert') return other.identifier === one.identifier && other.hour > one.hour;
          if (other.msgType === 'Update')
            return other.identifier === one.identifier
              ? other.hour > one.hour
              : other.references.includes(one.identifier);
          return other.identifier === one.identifier || other.references.includes(one.identifier);
        }),
    );
    return new Set(names.map((one) => `${one.status} ${one.sender} ${one.identifier} ${one.hour}`));
  }

  it('gives the same for any order and repetition, and what the standard says', () => {
    const orders = fc.array(random, { maxLength: 14 }).chain((all) =>
      fc.record({
        all: fc.constant(all),
        shuffled: fc.shuffledSubarray([...all, ...all], { minLength: 2 * all.length }),
      }),
    );
    const seen = { active: 0, over: 0 };
    fc.assert(
      fc.property(orders, ({ all, shuffled }) => {
        const state = stateAfter(all.map(asFacts));
        for (const now of [T0, NOW, T0 + 25 * HOUR_MS])
          expect(stateAfter(shuffled.map(asFacts)).view(now)).toEqual(state.view(now));
        // Before any expiry, so that only ends decide.
        const view = state.view(T0);
        const active = view.filter(({ state: is }) => is === 'active');
        expect(
          new Set(
            active.map(
              ({ alert }) =>
                `${alert.status} ${alert.sender} ${alert.identifier} ${(alert.sentAt - T0) / HOUR_MS}`,
            ),
          ),
        ).toEqual(inForce(all));
        seen.active += active.length;
        seen.over += view.length - active.length;
      }),
      { numRuns: 2000 },
    );
    expect(Math.min(seen.active, seen.over)).toBeGreaterThan(300);
  });

  it('shows nothing more, and nothing less, when what is over was forgotten between', () => {
    const active = (state: ForeignAlerts, now: number) =>
      state.view(now).filter(({ state: is }) => is === 'active');
    const later = T0 + 4 * DAY_MS;
    fc.assert(
      fc.property(fc.array(random, { maxLength: 14 }), fc.nat(14), (all, cut) => {
        const [plain, pruned] = [new ForeignAlerts(), new ForeignAlerts()];
        all.forEach((one, i) => {
          const facts = asFacts({ ...one, expires: one.expires > 15 ? 24 * 30 : one.expires });
          plain.add(facts);
          if (i === cut) pruned.prune(later);
          pruned.add(facts);
        });
        expect(active(pruned, later)).toEqual(active(plain, later));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('time', () => {
  it('expires at the instant named, and each block by itself', () => {
    const two = made('Alert', 'a', 1, [], {
      info: [info({ expires: at(5), severity: 'Extreme' }), info({ expires: at(9), severity: 'Moderate' })],
    });
    const { alert } = factsOf(two);
    if (alert === undefined) throw new Error('no alert');
    const state = stateAfter([{ alert, ends: [] }]);
    expect(said(state, T0 + 9 * HOUR_MS - 1)).toEqual(['a active']);
    expect(said(state, T0 + 9 * HOUR_MS)).toEqual(['a expired']);
    expect(highestLevel(liveInfo(alert, T0 + 5 * HOUR_MS - 1))).toBe('red');
    expect(highestLevel(liveInfo(alert, T0 + 5 * HOUR_MS))).toBe('yellow');
    expect(highestLevel([])).toBeNull();
  });

  it('remembers the end of an alert that would be in force for longer than ends are remembered', () => {
    const long = made('Alert', 'a', 1, [], { info: [info({ expires: at(24 * 365) })] });
    const state = stateAfter([factsOf(long), factsOf(made('Cancel', 'c', 2, ['a']))]);
    state.prune(T0 + 3 * HOUR_MS + RETENTION_MS);
    expect(said(state, T0 + 3 * HOUR_MS + RETENTION_MS)).toEqual(['a cancelled']);
  });

  it('forgets in the end, and refuses from then on what it could no longer judge', () => {
    const state = stateAfter([factsOf(made('Cancel', 'c', 2, ['a']))]);
    const late = made('Alert', 'a', 1, [], { info: [info({ expires: at(24 * 365) })] });
    const last = T0 + 2 * HOUR_MS + RETENTION_MS;
    state.prune(last);
    expect(foreignFacts(late, { source: 'feed', now: last, faulty: false })).toEqual({ refused: 'old' });
    state.add(factsOf(late));
    expect(said(state, last)).toEqual(['a cancelled']);
    const forgotten = stateAfter([factsOf(made('Cancel', 'c', 2, ['a']))]);
    forgotten.prune(last + 1);
    forgotten.add(factsOf(late));
    expect(said(forgotten, last)).toEqual(['a active']);
  });
});

it('has room for so many, and takes nothing of a message that has none', () => {
  const state = new ForeignAlerts({ alerts: 2, ends: 3, characters: 5000 });
  expect(state.add(factsOf(made('Alert', 'a', 1)))).toBe(true);
  expect(state.add(factsOf(made('Alert', 'b', 1)))).toBe(true);
  expect(state.add(factsOf(made('Update', 'c', 2, ['a'])))).toBe(false);
  expect(said(state)).toEqual(['a active', 'b active']);
  expect(state.add(factsOf(made('Alert', 'a', 2)))).toBe(true);
  expect(state.add(factsOf(made('Update', 'a', 3, ['e', 'f', 'g', 'h'])))).toBe(false);
  const long = made('Alert', 'a', 4, [], { info: [info({ description: 'x'.repeat(5000) })] });
  expect(state.add(factsOf(long))).toBe(false);
  expect(state.view(NOW).map(({ alert }) => (alert.sentAt - T0) / HOUR_MS)).toEqual([2, 1]);
  state.prune(T0 + 4 * DAY_MS);
  expect(state.view(NOW)).toEqual([]);
  expect(state.add(factsOf(made('Alert', 'd', 1)))).toBe(true);
});

it.each<[string, Parameters<typeof foreignLevel>[0], string | null]>([
  ['Extreme', info({ severity: 'Extreme' }), 'red'],
  ['Severe', info({ severity: 'Severe' }), 'orange'],
  ['Moderate', info({ severity: 'Moderate' }), 'yellow'],
  ['Minor', info({ severity: 'Minor' }), null],
  ['a word of the prototype', info({ severity: 'toString' }), null],
  ['Extreme and unlikely', info({ severity: 'Extreme', certainty: 'Unlikely' }), 'orange'],
  ['Moderate and unlikely', info({ severity: 'Moderate', certainty: 'Unlikely' }), null],
  ['past', info({ severity: 'Extreme', urgency: 'Past' }), null],
  ['an all-clear', info({ severity: 'Extreme', responseType: ['AllClear'] }), null],
])('level of %s', (_name, block, level) => {
  expect(foreignLevel(block)).toBe(level);
});
