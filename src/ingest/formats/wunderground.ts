import { AtalaiaError } from '../../lib/errors.ts';
import { formatInstant } from '../../model/time.ts';
import { type FieldTable, mapFields } from './fields.ts';
import { formFields } from './form.ts';
import { type Format, stationOf } from './format.ts';
import { instantText } from './times.ts';

const device = 'says something of the device or the upload, not of the weather';
const indoors = 'measured indoors';
const average = 'an average of the station over minutes; the newest value is read';
const missing = [-9999, -999] as const;

/** Fields of the Personal Weather Station upload protocol (support.weather.com, article 000002). Imperial. */
const table: FieldTable = {
  tempf: { quantity: 'airTemperature', unit: 'degF', missing },
  humidity: { quantity: 'relativeHumidity', unit: '%', missing },
  dewptf: { quantity: 'dewPoint', unit: 'degF', missing },
  windspeedmph: { quantity: 'windSpeed', unit: 'mph', missing },
  windgustmph: { quantity: 'windGust', unit: 'mph', missing },
  winddir: { quantity: 'windDirection', unit: '°', missing },
  // By the protocol the pressure at sea level.
  baromin: { quantity: 'seaLevelPressure', unit: 'inHg', missing },
  absbaromin: { quantity: 'stationPressure', unit: 'inHg', missing },
  solarradiation: { quantity: 'solarIrradiance', unit: 'W/m²', missing },
  UV: { quantity: 'uvIndex', missing },
  visibility: { quantity: 'visibility', unit: 'mi', missing },
  yearlyrainin: { quantity: 'rainfallTotal', unit: 'in', rank: 4, missing },
  monthlyrainin: { quantity: 'rainfallTotal', unit: 'in', rank: 3, missing },
  weeklyrainin: { quantity: 'rainfallTotal', unit: 'in', rank: 2, missing },
  dailyrainin: { quantity: 'rainfallTotal', unit: 'in', rank: 1, missing },
  rainin: 'rain of the last 60 minutes, told again and again; the counter of the day is read instead',
  windspdmph_avg2m: average,
  winddir_avg2m: average,
  windgustmph_10m: average,
  windgustdir: 'the direction of the gust, not of the wind',
  windgustdir_10m: 'the direction of the gust, not of the wind',
  indoortempf: indoors,
  indoorhumidity: indoors,
  ID: device,
  PASSWORD: device,
  id: device,
  mt: device,
  sensor: device,
  action: device,
  dateutc: device,
  realtime: device,
  rtfreq: device,
  softwaretype: device,
  battery: device,
  rssi: device,
  lowbatt: device,
};

/**
 * An upload in the protocol of Weather Underground: fields of a query (or form), imperial, `dateutc=now` meaning the
 * instant of arrival. A station is known by `ID`, at an Acurite bridge by `id` and `sensor`: each of its sensors sends
 * for itself.
 */
export const wunderground: Format = {
  name: 'wunderground',
  summary: 'Stations and programs that upload by the protocol of Weather Underground.',
  decode(message, profile) {
    const fields = formFields(message);
    const [id, sensor] = [fields.get('id'), fields.get('sensor')];
    const own = id === null ? fields.get('ID') : sensor === null ? id : `${id}-${sensor}`;
    if (own === null)
      throw new AtalaiaError('ATL_UNREADABLE', 'The upload names no station; the protocol asks for ID.');
    const { readings, ignored } = mapFields(fields, table, profile);
    const given = fields.get('dateutc') ?? '';
    const observedAt =
      given === 'now' ? formatInstant(message.receivedAt) : (instantText(given, 'UTC') ?? given);
    const report = {
      station: stationOf('wunderground', own, profile),
      observedAt,
      interval: profile.interval,
      readings,
    };
    return { reports: [report], ignored, stations: [] };
  },
};
