import { bad, GOOD, type Verdict } from './verdict.ts';

interface Mistake {
  readonly unit: string;
  /** The canonical value if the number was in the other unit. */
  readonly toCanonical: (value: number) => number;
}

/** Numbers that a sender put into the field of another unit. */
const mistakes: ReadonlyMap<string, readonly Mistake[]> = new Map([
  [
    'airTemperature',
    [
      { unit: '°F', toCanonical: (v) => ((v - 32) * 5) / 9 },
      { unit: 'K', toCanonical: (v) => v - 273.15 },
    ],
  ],
  ['dewPoint', [{ unit: '°F', toCanonical: (v) => ((v - 32) * 5) / 9 }]],
  [
    'stationPressure',
    [
      { unit: 'inHg', toCanonical: (v) => v * 33.8638866667 },
      { unit: 'kPa', toCanonical: (v) => v * 10 },
      { unit: 'mmHg', toCanonical: (v) => v * 1.33322387415 },
    ],
  ],
]);

/** How near to what is expected a value must lie once converted, and how far it must lie without; canonical units. */
const tolerance: ReadonlyMap<string, readonly [near: number, far: number]> = new Map([
  ['airTemperature', [9, 15]],
  ['dewPoint', [9, 15]],
  ['stationPressure', [30, 100]],
]);

/** A change of unit is a jump from the reading before, of at least this share of `far`. */
const LEAST_JUMP = 0.6;

/**
 * Unit suspicion: the value is far from what is expected (the median of the station's last days, or of its neighbours; asked only where needed) and
 * near it when read in another unit. Then it is bad, and `unit` says which unit the sender seems to mean. A value that the
 * reading `before` (the last one trusted) leads up to is a warm day, not another unit. Wind and rain are not judged: they
 * change by as much as their units differ.
 */
export function checkUnit(
  quantity: string,
  value: number,
  before: number | undefined,
  expected: () => number | undefined,
): Verdict & { readonly unit?: string } {
  const bounds = tolerance.get(quantity);
  if (!bounds) return GOOD;
  const [near, far] = bounds;
  if (before !== undefined && Math.abs(value - before) < LEAST_JUMP * far) return GOOD;
  const usual = expected();
  if (usual === undefined || Math.abs(value - usual) < far) return GOOD;
  for (const { unit, toCanonical } of mistakes.get(quantity) ?? [])
    if (Math.abs(toCanonical(value) - usual) <= near) return { ...bad('unit'), unit };
  return GOOD;
}
