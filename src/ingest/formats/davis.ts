import type { JsonObject } from '../decode/json.ts';
import type { RawReading } from '../decode/report.ts';
import { type FieldTable, mapFields } from './fields.ts';
import { type Decoding, type Format, type Ignored, type Profile, stationOf } from './format.ts';
import { arrayOf, finiteOf, jsonOf, notThis, objectOf, textOf } from './json-message.ts';
import { epochText } from './times.ts';

const counts = 'a count over a window of the station; the counter of the year is read instead';

/** Fields of the conditions of WeatherLink Live, all kinds together: their names do not clash. Imperial. */
const table: FieldTable = {
  temp: { quantity: 'airTemperature', unit: 'degF' },
  hum: { quantity: 'relativeHumidity', unit: '%' },
  dew_point: { quantity: 'dewPoint', unit: 'degF' },
  wet_bulb: { quantity: 'wetBulbTemperature', unit: 'degF' },
  wind_speed_last: { quantity: 'windSpeed', unit: 'mph' },
  wind_dir_last: { quantity: 'windDirection', unit: '°' },
  wind_speed_hi_last_10_min: { quantity: 'windGust', unit: 'mph' },
  solar_rad: { quantity: 'solarIrradiance', unit: 'W/m²' },
  uv_index: { quantity: 'uvIndex' },
  bar_absolute: { quantity: 'stationPressure', unit: 'inHg' },
  bar_sea_level: { quantity: 'seaLevelPressure', unit: 'inHg' },
  rainfall_year: { quantity: 'rainfallTotal', unit: 'mm' },
  rainfall_daily: counts,
  rainfall_monthly: counts,
  rainfall_last_15_min: counts,
  rainfall_last_60_min: counts,
  rainfall_last_24_hr: counts,
  rain_15_min: counts,
  rain_60_min: counts,
  rain_24_hr: counts,
};

/** Millimetres of one count, by `rain_size`: 0.01 in, 0.2 mm, 0.1 mm, 0.001 in. In thousandths of a millimetre, to stay exact. */
const countMicrometres: Readonly<Record<number, number>> = { 1: 254, 2: 200, 3: 100, 4: 25.4 };

/** `/v1/current_conditions` of a WeatherLink Live, and its broadcasts: one report for each transmitter. */
export const davis: Format = {
  name: 'davis-weatherlink',
  summary: 'Davis WeatherLink Live, current conditions of its local interface.',
  decode(message, profile) {
    const body = objectOf(jsonOf(message));
    const data = body.data === undefined ? body : objectOf(body.data);
    const device = textOf(data.did);
    if (device === undefined)
      throw notThis(
        'The answer has no did; one of http://<WeatherLink Live>/v1/current_conditions is expected.',
      );
    const readings: RawReading[] = [];
    const ignored: Ignored[] = [];
    const named = new Set<string>();
    for (const [index, item] of arrayOf(data.conditions).entries()) {
      const part = readConditions(objectOf(item), `conditions[${index}].`, profile);
      ignored.push(...part.ignored);
      for (const reading of part.readings) {
        // A second transmitter that measures the same stands elsewhere: the first one listed is the station.
        if (named.has(reading.quantity))
          ignored.push({
            path: `conditions[${index}]`,
            why: `${reading.quantity} is taken from another transmitter`,
          });
        else readings.push(reading);
        named.add(reading.quantity);
      }
    }
    const station = stationOf('davis', device, profile);
    const report = {
      station,
      observedAt: epochText(data.ts),
      interval: profile.interval ?? 'PT10M',
      readings,
    };
    return { reports: [report], ignored, stations: [] };
  },
};

function readConditions(
  condition: JsonObject,
  prefix: string,
  profile: Profile,
): Pick<Decoding, 'ignored'> & { readings: readonly RawReading[] } {
  const fields = Object.entries(condition).map(
    ([name, value]) => [name, inMillimetres(name, value, condition)] as const,
  );
  return mapFields(fields, table, profile, prefix);
}

/** The counter of the year in millimetres; every other field as it is. */
function inMillimetres(name: string, value: unknown, condition: JsonObject): unknown {
  if (name !== 'rainfall_year' || typeof value !== 'number') return value;
  const size = countMicrometres[finiteOf(condition.rain_size) ?? 0];
  return size === undefined ? `${value} counts of unknown size` : (value * size * 10) / 10_000;
}
