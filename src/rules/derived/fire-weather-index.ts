/**
 * The Canadian Forest Fire Weather Index System. Equation numbers of Van Wagner & Pickett 1985 (Canadian Forestry
 * Service, Technical Report 33); structure in Van Wagner 1987 (Technical Report 35). Inputs stand at noon, local
 * standard time; wind at 10 m, here in m/s (the equations take km/h); rain over the 24 h before, mm. Day lengths by
 * latitude as in the cffdrs library of the Canadian Forest Service (Lawson & Armitage 2008, NOR-X-380).
 */

/** What a day is computed from. */
export interface FireWeatherDay {
  readonly noonTemperature: number;
  /** %, 0..100. */
  readonly noonHumidity: number;
  /** m/s. */
  readonly noonWind: number;
  /** mm. */
  readonly rain24h: number;
  /** 1..12. */
  readonly month: number;
  /** Degrees, south negative. */
  readonly latitude: number;
}

/** The three moisture codes, which carry over from day to day. */
export interface MoistureCodes {
  readonly fineFuelMoistureCode: number;
  readonly duffMoistureCode: number;
  readonly droughtCode: number;
}

/** A day's codes and the indices of its danger. */
export interface FireWeather extends MoistureCodes {
  readonly initialSpreadIndex: number;
  readonly buildupIndex: number;
  readonly fireWeatherIndex: number;
  readonly dailySeverityRating: number;
}

/** Where a chain begins when nothing is known: the usual spring values. */
export const startCodes: MoistureCodes = { fineFuelMoistureCode: 85, duffMoistureCode: 6, droughtCode: 15 };

/** The chain over consecutive days, from the codes of the day before the first. */
export function fireWeatherDays(
  days: readonly FireWeatherDay[],
  start: MoistureCodes = startCodes,
): FireWeather[] {
  const chain: FireWeather[] = [];
  let codes = start;
  for (const day of days) {
    const today = fireWeatherDay(day, codes);
    chain.push(today);
    codes = today;
  }
  return chain;
}

/** One day, from the codes of the day before. */
export function fireWeatherDay(day: FireWeatherDay, before: MoistureCodes): FireWeather {
  // Saturated air would leave the equations without a drying rate.
  const humidity = Math.min(99.9999, Math.max(0, day.noonHumidity));
  const wind = day.noonWind * 3.6;
  const at = { ...day, noonHumidity: humidity };
  const fineFuelMoistureCode = fineFuel(before.fineFuelMoistureCode, at, wind);
  const duffMoistureCode = duff(before.duffMoistureCode, at);
  const droughtCode = drought(before.droughtCode, at);
  const spread = initialSpreadIndex(fineFuelMoistureCode, wind);
  const buildup = buildupIndex(duffMoistureCode, droughtCode);
  const index = fireWeatherIndex(spread, buildup);
  return {
    fineFuelMoistureCode,
    duffMoistureCode,
    droughtCode,
    initialSpreadIndex: spread,
    buildupIndex: buildup,
    fireWeatherIndex: index,
    dailySeverityRating: 0.0272 * index ** 1.77,
  };
}

/** Between moisture content, %, and the fine fuel code: 147.2 in eqs. 1 and 10, with its full digits. */
const FINE_FUEL = (250 * 59.5) / 101;
const moistureOf = (code: number): number => (FINE_FUEL * (101 - code)) / (59.5 + code);

/** Eqs. 1 to 10. */
function fineFuel(before: number, day: FireWeatherDay, wind: number): number {
  const h = day.noonHumidity;
  const t = day.noonTemperature;
  let moisture = moistureOf(before);
  if (day.rain24h > 0.5) {
    const rain = day.rain24h - 0.5;
    const wet = moisture > 150 ? 0.0015 * (moisture - 150) ** 2 * Math.sqrt(rain) : 0;
    moisture += 42.5 * rain * Math.exp(-100 / (251 - moisture)) * (1 - Math.exp(-6.93 / rain)) + wet;
    moisture = Math.min(250, moisture);
  }
  const common = 0.18 * (21.1 - t) * (1 - Math.exp(-0.115 * h));
  const drying = 0.942 * h ** 0.679 + 11 * Math.exp((h - 100) / 10) + common;
  const wetting = 0.618 * h ** 0.753 + 10 * Math.exp((h - 100) / 10) + common;
  // Eqs. 6 and 7: the log rate of drying, or of wetting with the air's lack of humidity.
  const rate = (share: number): number =>
    (0.424 * (1 - share ** 1.7) + 0.0694 * Math.sqrt(wind) * (1 - share ** 8)) * 0.581 * Math.exp(0.0365 * t);
  if (moisture > drying) moisture = drying + (moisture - drying) * 10 ** -rate(h / 100);
  else if (moisture < wetting) moisture = wetting - (wetting - moisture) * 10 ** -rate((100 - h) / 100);
  const code = (59.5 * (250 - moisture)) / (FINE_FUEL + moisture);
  return Math.min(101, Math.max(0, code));
}

/** Effective day lengths, h, January to December: 46° N, 20° N, 20° S, 40° S; 9 h about the equator. */
const DUFF_46N = [6.5, 7.5, 9, 12.8, 13.9, 13.9, 12.4, 10.9, 9.4, 8, 7, 6];
const DUFF_20N = [7.9, 8.4, 8.9, 9.5, 9.9, 10.2, 10.1, 9.7, 9.1, 8.6, 8.1, 7.8];
const DUFF_20S = [10.1, 9.6, 9.1, 8.5, 8.1, 7.8, 7.9, 8.3, 8.9, 9.4, 9.9, 10.2];
const DUFF_40S = [11.5, 10.5, 9.2, 7.9, 6.8, 6.2, 6.5, 7.4, 8.7, 10, 11.2, 11.8];

function duffDayLength(latitude: number, month: number): number {
  const row =
    latitude > 30
      ? DUFF_46N
      : latitude > 10
        ? DUFF_20N
        : latitude > -10
          ? null
          : latitude > -30
            ? DUFF_20S
            : DUFF_40S;
  return row === null ? 9 : (row[month - 1] as number);
}

/** Eqs. 11 to 17. */
function duff(before: number, day: FireWeatherDay): number {
  const t = Math.max(-1.1, day.noonTemperature);
  const length = duffDayLength(day.latitude, day.month);
  const drying = 1.894e-4 * (t + 1.1) * (100 - day.noonHumidity) * length;
  let code = before;
  if (day.rain24h > 1.5) {
    const rain = 0.92 * day.rain24h - 1.27;
    // Eqs. 12 and 15 with their constants in full digits, as the later libraries have them.
    const moisture = 20 + 280 / Math.exp(0.023 * before);
    const slope =
      before <= 33
        ? 100 / (0.5 + 0.3 * before)
        : before <= 65
          ? 14 - 1.3 * Math.log(before)
          : 6.2 * Math.log(before) - 17.2;
    const wet = moisture + (1000 * rain) / (48.77 + slope * rain);
    code = Math.max(0, 43.43 * (5.6348 - Math.log(wet - 20)));
  }
  return Math.max(0, code + drying);
}

/** Day-length factors, January to December, north of 20° N and south of 20° S; 1.4 between. */
const DROUGHT_NORTH = [-1.6, -1.6, -1.6, 0.9, 3.8, 5.8, 6.4, 5, 2.4, 0.4, -1.6, -1.6];
const DROUGHT_SOUTH = [6.4, 5, 2.4, 0.4, -1.6, -1.6, -1.6, -1.6, -1.6, 0.9, 3.8, 5.8];

/** Eqs. 18 to 23. */
function drought(before: number, day: FireWeatherDay): number {
  const t = Math.max(-2.8, day.noonTemperature);
  const { latitude, month } = day;
  const row = latitude > 20 ? DROUGHT_NORTH : latitude > -20 ? null : DROUGHT_SOUTH;
  const factor = row === null ? 1.4 : (row[month - 1] as number);
  const evaporation = Math.max(0, (0.36 * (t + 2.8) + factor) / 2);
  let code = before;
  if (day.rain24h > 2.8) {
    const rain = 0.83 * day.rain24h - 1.27;
    const moisture = 800 * Math.exp(-before / 400);
    code = Math.max(0, before - 400 * Math.log(1 + (3.937 * rain) / moisture));
  }
  return code + evaporation;
}

/** Eqs. 24 to 26; wind in km/h. */
function initialSpreadIndex(fineFuelCode: number, wind: number): number {
  const moisture = moistureOf(fineFuelCode);
  const fuel = 91.9 * Math.exp(-0.1386 * moisture) * (1 + moisture ** 5.31 / 4.93e7);
  return 0.208 * Math.exp(0.05039 * wind) * fuel;
}

/** Eq. 27. */
function buildupIndex(duffCode: number, droughtCode: number): number {
  if (duffCode === 0) return 0;
  const index = (0.8 * droughtCode * duffCode) / (duffCode + 0.4 * droughtCode);
  if (index >= duffCode) return index;
  const share = (duffCode - index) / duffCode;
  return Math.max(0, duffCode - share * (0.92 + (0.0114 * duffCode) ** 1.7));
}

/** Eqs. 28 to 30. */
function fireWeatherIndex(spread: number, buildup: number): number {
  const duffEffect =
    buildup > 80 ? 1000 / (25 + 108.64 * Math.exp(-0.023 * buildup)) : 0.626 * buildup ** 0.809 + 2;
  const intensity = 0.1 * spread * duffEffect;
  // biome-ignore lint/suspicious/noApproximativeNumericConstant: equation 30b has three digits
  return intensity <= 1 ? intensity : Math.exp(2.72 * (0.434 * Math.log(intensity)) ** 0.647);
}
