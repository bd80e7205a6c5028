import { ana } from './ana.ts';
import { aviationWeather } from './aviationweather.ts';
import { bufr } from './bufr/format.ts';
import { cemaden } from './cemaden.ts';
import { csv } from './csv.ts';
import { davis } from './davis.ts';
import { dwd } from './dwd.ts';
import { ecowitt } from './ecowitt.ts';
import type { Format } from './format.ts';
import { esphome, tasmota, zigbee2mqtt } from './home.ts';
import { inmetApi } from './inmet-api.ts';
import { inmetFile } from './inmet-file.ts';
import { json } from './json.ts';
import { lorawan } from './lorawan.ts';
import { metar } from './metar.ts';
import { nws } from './nws.ts';
import { openMeteo } from './open-meteo.ts';
import { rtl433 } from './rtl433.ts';
import { sensorThings } from './sensorthings.ts';
import { tomorrowIo } from './tomorrow-io.ts';
import { weatherflow } from './weatherflow.ts';
import { wis2box } from './wis2box.ts';
import { wunderground } from './wunderground.ts';

/** Every format, by its name in the configuration. */
export const formats: ReadonlyMap<string, Format> = new Map(
  [
    ana,
    aviationWeather,
    bufr,
    cemaden,
    csv,
    davis,
    dwd,
    ecowitt,
    esphome,
    inmetApi,
    inmetFile,
    json,
    lorawan,
    metar,
    nws,
    openMeteo,
    rtl433,
    sensorThings,
    tasmota,
    tomorrowIo,
    weatherflow,
    wis2box,
    wunderground,
    zigbee2mqtt,
  ].map((format) => [format.name, format]),
);
