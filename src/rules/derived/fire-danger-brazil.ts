/** Fire danger indices in use in Brazil; inputs at 13:00 local time, humidity %, wind m/s, rain mm over 24 h. */

/**
 * Ångström index (Sweden 1942; Soares & Batista 2007, "Incêndios florestais", ch. 8): H/20 + (27 - T)/10. Falls with
 * danger: fires are likely below 2.5, very likely below 2.
 */
export const angstromIndex = (celsius: number, humidity: number): number =>
  0.05 * humidity - 0.1 * (celsius - 27);

/** A day of the Monte Alegre formula. */
export interface MonteAlegreDay {
  readonly humidity: number;
  readonly rain24h: number;
  readonly wind: number;
}

/** What is carried to the next day, and the day's indices. */
export interface MonteAlegre {
  /** FMA: the sum of 100/H since the last rain above 12.9 mm. Above 1 small, 3 medium, 8 high, 20 very high danger. */
  readonly monteAlegreIndex: number;
  /** FMA+: FMA · exp(0.04 v). Above 3 small, 8 medium, 14 high, 24 very high danger. */
  readonly monteAlegreWindIndex: number;
}

/**
 * Fórmula de Monte Alegre for one day from the day before: Soares 1972 (the sum is cut by the rain of the day: from 2.5
 * mm by 30 %, 5.0 mm by 60 %, 10.0 mm by 80 %; above 12.9 mm it is 0 and begins again the day after), and FMA+ with
 * wind: Nunes, Soares & Batista 2006 (Floresta 36, 75–91). The wind of the day acts on the day alone; the sum carries
 * none. Humidity below 1 % counts as 1 %.
 */
export function monteAlegreDay(day: MonteAlegreDay, before: number): MonteAlegre {
  const kept = keptShare(day.rain24h);
  const monteAlegreIndex = kept === 0 ? 0 : before * kept + 100 / Math.max(1, day.humidity);
  return { monteAlegreIndex, monteAlegreWindIndex: monteAlegreIndex * Math.exp(0.04 * day.wind) };
}

// The table is printed in tenths of a millimetre: the bounds lie half way, so that 2.45 mm is not a gap.
function keptShare(rain: number): number {
  if (rain >= 12.95) return 0;
  if (rain >= 9.95) return 0.2;
  if (rain >= 4.95) return 0.4;
  return rain >= 2.45 ? 0.7 : 1;
}
