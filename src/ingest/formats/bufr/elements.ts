import { DAY_MS, HOUR_MS } from '../../../model/time.ts';

/** How an element becomes a reading. */
export interface Reading {
  readonly quantity: string;
  /** Unit of table B, by our name. */
  readonly unit: string;
  /**
   * `instant`: at the time of the subset. `average`: at that time too, though taken over the period that was said before.
   * `period`: over that period. A number is the span that the element itself names, ms.
   */
  readonly over: 'instant' | 'average' | 'period' | number;
  /** Negative values with a meaning of their own (notes to classes 13): a number is read instead, a text is why none is. */
  readonly negative?: Readonly<Record<string, number | string>>;
}

const at = (quantity: string, unit: string): Reading => ({ quantity, unit, over: 'instant' });
const within = (quantity: string, unit: string, over: Reading['over'] = 'period'): Reading => ({
  quantity,
  unit,
  over,
});

/** -0.1 kg/m² is a trace: less than can be measured (WMO-No. 306, table B, notes to class 13). */
const rain = (over: Reading['over'] = 'period'): Reading => ({
  ...within('rainfall', 'mm', over),
  negative: { '-0.1': 0 },
});
const snow: Reading = {
  ...at('snowDepth', 'm'),
  negative: { '-0.01': 0, '-0.02': 'the snow cover is not continuous, and no depth is told' },
};
const max = (over?: Reading['over']): Reading => within('airTemperatureMax', 'K', over);
const min = (over?: Reading['over']): Reading => within('airTemperatureMin', 'K', over);

/** Elements of table B that give a reading, by number. */
export const readings: ReadonlyMap<number, Reading> = new Map([
  [10_004, at('stationPressure', 'Pa')],
  [10_051, at('seaLevelPressure', 'Pa')],
  [11_001, { ...at('windDirection', '°'), over: 'average' }],
  [11_011, { ...at('windDirection', '°'), over: 'average' }],
  [11_002, { ...at('windSpeed', 'm/s'), over: 'average' }],
  [11_012, { ...at('windSpeed', 'm/s'), over: 'average' }],
  [11_041, within('windGust', 'm/s')],
  [12_001, at('airTemperature', 'K')],
  [12_101, at('airTemperature', 'K')],
  [12_004, at('airTemperature', 'K')],
  [12_104, at('airTemperature', 'K')],
  [12_002, at('wetBulbTemperature', 'K')],
  [12_102, at('wetBulbTemperature', 'K')],
  [12_003, at('dewPoint', 'K')],
  [12_103, at('dewPoint', 'K')],
  [12_006, at('dewPoint', 'K')],
  [12_106, at('dewPoint', 'K')],
  [12_011, max()],
  [12_111, max()],
  [12_012, min()],
  [12_112, min()],
  [12_014, max(DAY_MS / 2)],
  [12_114, max(DAY_MS / 2)],
  [12_015, min(DAY_MS / 2)],
  [12_115, min(DAY_MS / 2)],
  [12_016, max(DAY_MS)],
  [12_116, max(DAY_MS)],
  [12_017, min(DAY_MS)],
  [12_117, min(DAY_MS)],
  [13_003, at('relativeHumidity', '%')],
  [13_011, rain()],
  [13_013, snow],
  [13_019, rain(HOUR_MS)],
  [13_020, rain(3 * HOUR_MS)],
  [13_021, rain(6 * HOUR_MS)],
  [13_022, rain(12 * HOUR_MS)],
  [13_023, rain(DAY_MS)],
  [14_028, within('globalRadiation', 'J/m2')],
  [20_001, at('visibility', 'm')],
]);

/** Periods and displacements in time, in ms for each unit of theirs. */
export const periods: ReadonlyMap<number, number> = new Map([
  [4023, DAY_MS],
  [4024, HOUR_MS],
  [4025, 60_000],
  [4026, 1000],
]);

/** Time increments: what follows is of another time for each repetition. */
export const increments: ReadonlySet<number> = new Set([4011, 4012, 4013, 4014, 4015, 4016]);
