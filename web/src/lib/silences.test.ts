import { expect, it } from 'vitest';
import type { AlertEvent } from '../../../src/model/alert.ts';
import { isSilenced, type Silence } from '../../../src/model/silence.ts';
import { type Matchers, namesOf, wouldHold } from './silences.ts';

it('reads names as they are typed', () => {
  expect(namesOf(' A879,,A880 , ')).toEqual(['A879', 'A880']);
});

it('previews exactly what the server holds', () => {
  const levels = ['yellow', 'orange', 'red'] as const;
  const some = [undefined, ['a'], ['b', 'c']];
  let held = 0;
  for (const level of levels)
    for (const rule of some)
      for (const hazard of some)
        for (const area of some)
          for (const station of some)
            for (const kind of ['station', 'area'] as const)
              for (const own of levels)
                for (const regions of [[], ['a'], ['c']]) {
                  const named: unknown = JSON.parse(JSON.stringify({ rule, hazard, area, station, level }));
                  const alert = { rule: 'a', hazard: 'b', subject: { kind, id: 'a' }, level: own };
                  const silence = { matchers: named, from: 0, until: 2 } as Silence;
                  const expected = isSilenced(silence, alert as unknown as AlertEvent, regions, 1);
                  expect(wouldHold(named as Matchers, alert, regions)).toBe(expected);
                  held += Number(expected);
                }
  expect(held).toBeGreaterThan(0);
});
