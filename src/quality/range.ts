import { limitsOf, type Site } from './limits.ts';
import { bad, GOOD, suspect, type Verdict } from './verdict.ts';

/**
 * Range by climatology: is the value one that this place can have in this month at this hour? Canonical units; `spanMs`
 * is the interval measured. Fixed limits for the whole world err both ways: -51.6 °C is true in Antarctica, 45 °C before
 * dawn at the equator is not. (WMO-No. 488 / Zahumenský 2004, "plausible value check"; titanlib range_check_climatology.)
 */
export function checkRange(quantity: string, value: number, site: Site, at: number, spanMs: number): Verdict {
  const limits = limitsOf(quantity, site, at, spanMs);
  if (!limits) return GOOD;
  if (value < limits.bad[0] || value > limits.bad[1]) return bad('range');
  if (value < limits.suspect[0] || value > limits.suspect[1]) return suspect('range');
  return GOOD;
}
