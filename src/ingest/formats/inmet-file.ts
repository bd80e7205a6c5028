import { openInmetText } from '../decode/inmet.ts';
import type { Format } from './format.ts';
import { notThis } from './json-message.ts';

/** Yearly files of INMET's automatic stations, as a drop folder may bring them; `import` reads them in bulk. */
export const inmetFile: Format = {
  name: 'inmet-file',
  summary: 'INMET, yearly files of automatic stations (CSV, Latin-1).',
  decode({ body }, profile) {
    const lines = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
      .toString('latin1')
      .split(/\r?\n/);
    const file = openInmetText(lines);
    if (!file)
      throw notThis('The first 8 lines do not name a station of INMET; one of its yearly files is expected.');
    const { station, rows } = file;
    const id = profile.stations?.get(station.id) ?? station.id;
    return {
      reports: rows.map((row) => ({ station: id, ...row, interval: 'PT1H' })),
      ignored: [],
      stations: [
        {
          station: id,
          name: station.name,
          latitude: station.latitude as number,
          longitude: station.longitude as number,
          ...(station.altitude === null ? {} : { altitude: station.altitude }),
        },
      ],
    };
  },
};
