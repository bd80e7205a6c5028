import type { HttpSourceConfig } from '../src/app/config/source-config.ts';
import type { Report } from '../src/model/report.ts';
import { HOUR_MS } from '../src/model/time.ts';

// The same reports as producers of several kinds would have sent them, for tests and measurements of the doors.

type DoorConfig = HttpSourceConfig;

/** What a producer sends: a form or query, or a body. */
export interface Dressed {
  readonly fields?: URLSearchParams;
  readonly body?: string;
}

export interface Dress {
  readonly name: string;
  /** The source as `atalaia.yaml` has it, without its stations. */
  readonly source: Omit<DoorConfig, 'kind' | 'name' | 'stations'>;
  /** What the producer calls our station. */
  theirs(station: string): string;
  /** `digits` are those of the device; `exact` writes enough of them for the same canonical value. */
  dress(report: Report, isExact: boolean): Dressed;
}

/** Canonical value by quantity; what is missing is not in it. */
function valuesOf({ quantities, values }: Report): ReadonlyMap<string, number> {
  return new Map(quantities.map((name, place) => [name, (values[place] as number) / 1000]));
}

const EXACT_DIGITS = 7;

/** Fields by name: quantity, the producer's value of the canonical one, digits after the point that the device writes. */
type Fields = Readonly<
  Record<string, readonly [quantity: string, convert: (value: number) => number, digits: number]>
>;

function written(report: Report, fields: Fields, isExact: boolean): [string, string][] {
  const values = valuesOf(report);
  return Object.entries(fields).flatMap(([field, [quantity, convert, digits]]): [string, string][] => {
    const value = values.get(quantity);
    return value === undefined
      ? []
      : [[field, Number(convert(value).toFixed(isExact ? EXACT_DIGITS : digits)).toString()]];
  });
}

const same = (value: number): number => value;
const inches = (mm: number): number => mm / 25.4;
const mph = (ms: number): number => ms / 0.44704;
const fahrenheit = (celsius: number): number => (celsius * 9) / 5 + 32;
const inHg = (hPa: number): number => hPa / 33.863886666667;
const iso = (at: number): string => new Date(at).toISOString();
const wall = (at: number): string => iso(at).slice(0, 19).replace('T', ' ');

const inmet: Dress = {
  name: 'INMET JSON',
  source: { format: 'inmet' },
  theirs: (station) => station,
  dress(report, isExact) {
    const fields = written(
      report,
      {
        CHUVA: ['rainfall', same, 1],
        TEM_INS: ['airTemperature', same, 1],
        UMD_INS: ['relativeHumidity', same, 0],
        PRE_INS: ['stationPressure', same, 1],
        VEN_VEL: ['windSpeed', same, 1],
        VEN_RAJ: ['windGust', same, 1],
        VEN_DIR: ['windDirection', same, 0],
      },
      isExact,
    );
    const at = iso(report.observedAt);
    return {
      body: JSON.stringify({
        ...{ CD_ESTACAO: report.station, DC_NOME: report.station, UF: 'RS' },
        ...{ DT_MEDICAO: at.slice(0, 10), HR_MEDICAO: `${at.slice(11, 13)}${at.slice(14, 16)}` },
        ...Object.fromEntries(fields),
      }),
    };
  },
};

const ecowitt: Dress = {
  name: 'Ecowitt',
  // A console that posts by the hour: its rain of the last hour is the rain of the report.
  source: {
    ...{ format: 'ecowitt', interval: 'PT1H' },
    ...{ quantities: { hourlyrainin: 'rainfall' }, units: { hourlyrainin: 'in' } },
  },
  theirs: (station) => Buffer.from(station.padEnd(16)).toString('hex').toUpperCase(),
  dress(report, isExact) {
    const fields: Fields = {
      hourlyrainin: ['rainfall', inches, 3],
      tempf: ['airTemperature', fahrenheit, 2],
      humidity: ['relativeHumidity', same, 0],
      baromabsin: ['stationPressure', inHg, 3],
      windspeedmph: ['windSpeed', mph, 2],
      windgustmph: ['windGust', mph, 2],
      winddir: ['windDirection', same, 0],
    };
    const form = new URLSearchParams([
      ['PASSKEY', ecowitt.theirs(report.station)],
      ['stationtype', 'GW2000A_V2.1.5'],
      ['dateutc', wall(report.observedAt)],
      ...written(report, fields, isExact),
      ['model', 'GW2000A'],
    ]);
    return { body: form.toString() };
  },
};

const wunderground: Dress = {
  name: 'Wunderground',
  source: {
    ...{ format: 'wunderground', interval: 'PT1H' },
    ...{ quantities: { rainin: 'rainfall' }, units: { rainin: 'in' } },
  },
  theirs: (station) => `I${station}`,
  dress(report, isExact) {
    const fields: Fields = {
      rainin: ['rainfall', inches, 2],
      tempf: ['airTemperature', fahrenheit, 1],
      humidity: ['relativeHumidity', same, 0],
      absbaromin: ['stationPressure', inHg, 2],
      windspeedmph: ['windSpeed', mph, 1],
      windgustmph: ['windGust', mph, 1],
      winddir: ['windDirection', same, 0],
    };
    return {
      fields: new URLSearchParams([
        ['ID', wunderground.theirs(report.station)],
        ['PASSWORD', 'secret'],
        ['dateutc', wall(report.observedAt)],
        ...written(report, fields, isExact),
        ['action', 'updateraw'],
      ]),
    };
  },
};

/** A DL-ATM41 behind ChirpStack: `object` as its codec in the server writes it. Rain is a word of 16 bits, thousandths of a mm. */
const chirpstack: Dress = {
  name: 'ChirpStack',
  source: { format: 'lorawan', interval: 'PT1H' },
  theirs: (station) => Buffer.from(station.padEnd(8)).toString('hex').toUpperCase(),
  dress(report, isExact) {
    const most = 32.767;
    const fields: Fields = {
      precipitation: ['rainfall', (mm) => (isExact ? mm : Math.min(mm, most)), 3],
      air_temperature: ['airTemperature', same, 1],
      relative_humidity: ['relativeHumidity', same, 1],
      atmospheric_pressure: ['stationPressure', (hPa) => hPa / 10, 2],
      wind_speed: ['windSpeed', same, 2],
      maximum_wind_speed: ['windGust', same, 2],
      wind_direction: ['windDirection', same, 1],
    };
    const values = written(report, fields, isExact).map(([name, text]) => [name, Number(text)]);
    return {
      body: JSON.stringify({
        deduplicationId: '3ac7e3c4-4401-4b8d-9386-a5c902f9202d',
        time: iso(report.observedAt),
        deviceInfo: { deviceName: report.station, devEui: chirpstack.theirs(report.station).toLowerCase() },
        ...{ dr: 5, fCnt: 12, fPort: 1, object: Object.fromEntries(values) },
      }),
    };
  },
};

const csvColumns: Fields = {
  'Chuva (mm)': ['rainfall', same, 1],
  Temp: ['airTemperature', fahrenheit, 1],
  Umidade: ['relativeHumidity', same, 0],
  Pressão: ['stationPressure', same, 1],
  Vento: ['windSpeed', (ms) => (ms * 3600) / 1852, 0],
  Rajada: ['windGust', (ms) => (ms * 3600) / 1852, 0],
  Direção: ['windDirection', same, 0],
};

const csv: Dress = {
  name: 'CSV',
  source: {
    ...{ format: 'csv', interval: 'PT1H', timeZone: 'America/Sao_Paulo' },
    table: { station: 'Estação', time: ['Data', 'Hora'], dates: 'day-first' },
    quantities: Object.fromEntries(
      Object.entries(csvColumns).map(([name, [quantity]]) => [name, quantity]),
    ) as NonNullable<DoorConfig['quantities']>,
    units: { Temp: 'degF', Vento: 'kt', Rajada: 'kt' },
  },
  theirs: (station) => `Estação ${station}`,
  dress(report, isExact) {
    // Rio Grande do Sul in 2024: UTC-3 all year.
    const local = wall(report.observedAt - 3 * HOUR_MS);
    const [date = '', time = ''] = local.split(' ');
    const values = new Map(written(report, csvColumns, isExact));
    const cells = Object.keys(csvColumns).map((name) => (values.get(name) ?? '').replace('.', ','));
    return {
      body: `Estação;Data;Hora;${Object.keys(csvColumns).join(';')}\n${csv.theirs(report.station)};${date
        .split('-')
        .reverse()
        .join('/')};${time};${cells.join(';')}\n`,
    };
  },
};

/** Every door that the same storm is sent through. A further protocol is one more entry. */
/** JSON of a network of its own, read by a template, as it comes over MQTT. */
const mqttJson: Dress = {
  name: 'MQTT',
  source: {
    format: 'json',
    message: { station: 'dev', time: 'ts' },
    quantities: {
      rain: 'rainfall',
      't.air': 'airTemperature',
      't.rh': 'relativeHumidity',
      p: 'stationPressure',
      'wind.avg': 'windSpeed',
      'wind.max': 'windGust',
      'wind.dir': 'windDirection',
    },
    units: { 'wind.avg': 'km/h', 'wind.max': 'km/h' },
    interval: 'PT1H',
  },
  theirs: (station) => `rede-${station}`,
  dress(report, isExact) {
    const kmh = (ms: number): number => ms * 3.6;
    const fields = Object.fromEntries(
      written(
        report,
        {
          rain: ['rainfall', same, 1],
          air: ['airTemperature', same, 1],
          rh: ['relativeHumidity', same, 0],
          p: ['stationPressure', same, 1],
          avg: ['windSpeed', kmh, 1],
          max: ['windGust', kmh, 1],
          dir: ['windDirection', same, 0],
        },
        isExact,
      ).map(([name, text]) => [name, Number(text)]),
    );
    const { rain, p, air, rh, avg, max, dir } = fields;
    const message = {
      ...{ dev: mqttJson.theirs(report.station), ts: report.observedAt, rain, p },
      ...{ t: { air, rh }, wind: { avg, max, dir } },
    };
    return { body: JSON.stringify(message) };
  },
};

export const dresses: readonly Dress[] = [inmet, ecowitt, wunderground, chirpstack, mqttJson, csv];
