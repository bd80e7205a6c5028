import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quantities } from '../model/quantity.ts';
import { HOUR_MS, MINUTE_MS } from '../model/time.ts';
import { unitFor, units } from '../model/unit.ts';
import { checkReading } from './gate.ts';
import { MAX_PLANNED_DIGITS, maxOver, planReading, scaledBy } from './reading-plan.ts';

const pairs = [...quantities.values()]
  .filter(({ derived }) => derived !== 'always')
  .flatMap((quantity) =>
    [undefined, ...[...units.keys()].filter((name) => unitFor(name, quantity.unit))].map(
      (unit) => [quantity.name, unit] as const,
    ),
  );

describe('planReading', () => {
  it('knows every unit of every quantity', () => {
    expect(pairs.length).toBeGreaterThan(40);
    for (const [quantity, unit] of pairs) expect(planReading(quantity, unit)).toBeDefined();
    for (const [quantity, unit] of pairs)
      if (unit !== 'inHg' && unit !== 'mmHg')
        expect(planReading(quantity, unit)?.limit[1]).toBeGreaterThan(2e5);
  });

  it.each([
    ['rain', undefined],
    ['__proto__', undefined],
    ['rainfall', 'degF'],
    ['rainfall', 'constructor'],
    ['rainfall', ''],
    ['heatIndex', undefined],
  ])('has none for %s in %s', (quantity, unit) => expect(planReading(quantity, unit)).toBeUndefined());

  it('scales as the gate does, ties included', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...pairs),
        fc.oneof(
          fc.integer({ min: -20_000, max: 120_000 }),
          fc.integer({ min: -1_100_000_000, max: 1_100_000_000 }),
          fc.integer({ min: -2000, max: 2000 }).map((n) => n * 500 + 5),
        ),
        fc.integer({ min: 0, max: MAX_PLANNED_DIGITS }),
        fc.constantFrom(HOUR_MS, 10 * MINUTE_MS, 7 * MINUTE_MS, 24 * HOUR_MS),
        ([quantity, unit], mantissa, digits, intervalMs) => {
          const plan = planReading(quantity, unit);
          if (plan === undefined || Math.abs(mantissa) > (plan.limit[digits] as number)) return;
          const value = scaledBy(plan, mantissa, digits);
          const max = plan.isPerHour ? maxOver(plan, intervalMs) : plan.max;
          const gate = checkReading(quantity, mantissa / 10 ** digits, unit, intervalMs);
          expect(value >= plan.min && value <= max ? { value: value + 0 } : 'refused').toEqual(
            'value' in gate ? gate : 'refused',
          );
        },
      ),
      { numRuns: 20_000 },
    );
  });
});
