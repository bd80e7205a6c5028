import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  coversArea,
  hasRole,
  isInScope,
  isSessionOver,
  type KeyScope,
  roles,
  type Session,
  type TypedCode,
  userKey,
} from './access.ts';

const role = fc.constantFrom(...roles);
const id = fc.constantFrom('A1', 'A2', 'B1', 'RS', 'SP', '');
const scope: fc.Arbitrary<KeyScope> = fc.oneof(
  fc.constant('all' as const),
  fc.record({ stations: fc.array(id), regions: fc.array(id) }),
);

describe('access', () => {
  it('lets a role do what the ones below it do', () => {
    fc.assert(
      fc.property(role, role, role, (a, b, needed) => {
        if (hasRole(a, b) && hasRole(b, needed)) expect(hasRole(a, needed)).toBe(true);
        if (hasRole(a, b) && hasRole(b, a)) expect(a).toBe(b);
      }),
    );
    expect(roles.map((one) => hasRole(one, 'operator'))).toEqual([false, true, true, true]);
  });

  it('lets a key report for its stations and regions and nothing else', () => {
    fc.assert(
      fc.property(scope, id, fc.option(id, { nil: undefined }), (given, station, region) => {
        const named = given !== 'all' && [...given.stations, ...given.regions];
        const isIn = isInScope(given, station, region);
        if (given === 'all') expect(isIn).toBe(true);
        else if (isIn && named) expect(named.includes(station) || named.includes(region ?? '')).toBe(true);
        // A station that nobody knows is in no region.
        if (given !== 'all' && !given.stations.includes(station) && region === undefined)
          expect(isIn).toBe(false);
        if (given !== 'all' && given.stations.includes(station)) expect(isIn).toBe(true);
      }),
    );
  });

  it('covers by any code of a thing, and nothing that has none', () => {
    const known = new Set(['region RS', 'region X', 'station X', 'station A1']);
    const covers = (areas: 'all' | string[], ...codes: TypedCode[]): boolean =>
      coversArea({ areas }, codes, ({ kind, code }) => known.has(`${kind} ${code}`));
    const station = (code: string): TypedCode => ({ kind: 'station', code });
    const region = (code: string): TypedCode => ({ kind: 'region', code });
    expect(covers(['RS'], station('A1'), region('RS'))).toBe(true);
    expect(covers(['RS'], station('A1'), region('SP'))).toBe(false);
    expect(covers(['RS'])).toBe(false);
    expect(covers('all')).toBe(true);
    // A code of two things stands for the region alone, unless it says which it is.
    expect([covers(['X'], station('X')), covers(['X'], region('X'))]).toEqual([false, true]);
    expect([covers(['station:X'], station('X')), covers(['station:X'], region('X'))]).toEqual([true, false]);
    // What is not there yet may become either.
    expect([covers(['N'], station('N')), covers(['N'], region('N'))]).toEqual([true, true]);
    expect([covers(['A1'], station('A1')), covers(['A1'], region('A1'))]).toEqual([true, false]);
  });

  it('never begins a session again that is over', () => {
    const span = fc.integer({ min: 1, max: 1000 });
    fc.assert(
      fc.property(fc.option(span), span, span, span, (idleMs, endsAt, now, later) => {
        const session = { seenAt: 0, idleMs, endsAt } as Session;
        if (isSessionOver(session, now)) expect(isSessionOver(session, now + later)).toBe(true);
        expect(isSessionOver(session, endsAt)).toBe(true);
        if (idleMs !== null) expect(isSessionOver(session, idleMs)).toBe(true);
        expect(isSessionOver(session, Math.min(endsAt, idleMs ?? endsAt) - 1)).toBe(false);
      }),
    );
  });

  it('knows a name however it is written', () => {
    expect(userKey(' ANA Conceição ')).toBe(userKey('ana conceição'.normalize('NFD')));
  });
});
