/** A run of days: index of its first, how many, and whether it may have been longer (it meets a gap or an end). */
export interface Spell {
  readonly from: number;
  readonly days: number;
  readonly open: boolean;
}

/**
 * Runs of days for which `holds`. A missing day (undefined) is neither: it ends a run and leaves it open, as do the first
 * and last day of the series. In order of time.
 */
export function spellsOf(
  values: readonly (number | undefined)[],
  holds: (value: number, index: number) => boolean,
): readonly Spell[] {
  const spells: Spell[] = [];
  let from = -1;
  const isUnknown = (index: number): boolean => values[index] === undefined;
  for (let i = 0; i <= values.length; i++) {
    const value = values[i];
    const goesOn = value !== undefined && holds(value, i);
    if (goesOn && from < 0) from = i;
    if (goesOn || from < 0) continue;
    spells.push({ from, days: i - from, open: isUnknown(from - 1) || isUnknown(i) });
    from = -1;
  }
  return spells;
}

/** A wave: a spell with the sum and the greatest of what the days lie beyond their thresholds. */
export interface Wave extends Spell {
  readonly excess: number;
  readonly peak: number;
}

/**
 * Heat waves (`side` above: daily maxima beyond a high percentile) and cold waves (below: daily minima beyond a low one)
 * of at least `leastDays`. Thresholds by day as the values; a day without one is as a missing day. WMO-No. 1142 leaves
 * threshold and length to the place; ETCCDI's warm and cold spells are percentiles 90 and 10 and six days.
 */
export function wavesOf(
  values: readonly (number | undefined)[],
  thresholds: readonly (number | null)[],
  side: 'above' | 'below',
  leastDays: number,
): readonly Wave[] {
  const sign = side === 'above' ? 1 : -1;
  const beyond = values.map((value, i) => {
    const threshold = thresholds[i];
    return value === undefined || threshold === null || threshold === undefined
      ? undefined
      : sign * (value - threshold);
  });
  return spellsOf(beyond, (value) => value > 0)
    .filter(({ days }) => days >= leastDays)
    .map((spell) => {
      const days = beyond.slice(spell.from, spell.from + spell.days) as number[];
      return { ...spell, excess: days.reduce((sum, value) => sum + value, 0), peak: Math.max(...days) };
    });
}
