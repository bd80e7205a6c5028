import { createHash } from 'node:crypto';

/** A notification of data, as a wis2box writes it; `more` goes over its properties. */
export function notificationOf(
  data: string | Uint8Array,
  href: string | undefined,
  more: Record<string, unknown> = {},
  rel = 'canonical',
): Buffer {
  const value = createHash('sha512').update(data).digest('base64');
  return Buffer.from(
    JSON.stringify({
      id: crypto.randomUUID(),
      conformsTo: ['http://wis.wmo.int/spec/wnm/1/conf/core'],
      type: 'Feature',
      geometry: { type: 'Point', coordinates: [34.07, -14.4, 1288] },
      properties: {
        data_id: 'mw-malawi/data/core/weather/surface-based-observations/synop/LOBI_20211111T125500',
        datetime: '2021-11-11T12:55:00Z',
        pubtime: '2021-11-11T12:56:10Z',
        integrity: { method: 'sha512', value },
        ...more,
      },
      links: href === undefined ? [] : [{ rel, type: 'text/csv', href }],
    }),
  );
}
