/** Upper bounds of the classes of speed, m/s; the last class is open. */
export const SPEED_CLASSES = [2, 4, 6, 8, 11, 14] as const;
/** Below this there is no direction, m/s (the start of a cup anemometer, and 0 on Beaufort's scale: 0.5). */
export const CALM = 0.5;

export interface WindRose {
  readonly n: number;
  readonly calm: number;
  /** Counts by sector, clockwise from north (the first is centred on it), and by class of speed. */
  readonly sectors: readonly (readonly number[])[];
}

/** Counts of wind by direction from which it blows, degrees, and speed, m/s. `sectors`: 8, 16 or 36. */
export function windRose(
  winds: Iterable<{ readonly direction: number; readonly speed: number }>,
  sectors = 16,
): WindRose {
  const counts = Array.from({ length: sectors }, () => Array<number>(SPEED_CLASSES.length + 1).fill(0));
  let n = 0;
  let calm = 0;
  for (const { direction, speed } of winds) {
    n++;
    if (speed < CALM) {
      calm++;
      continue;
    }
    const sector = Math.floor((((direction % 360) + 360) % 360) / (360 / sectors) + 0.5) % sectors;
    const found = SPEED_CLASSES.findIndex((bound) => speed < bound);
    const row = counts[sector] as number[];
    const column = found < 0 ? SPEED_CLASSES.length : found;
    row[column] = (row[column] as number) + 1;
  }
  return { n, calm, sectors: counts };
}
