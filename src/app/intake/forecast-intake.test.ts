import { expect, test } from 'vitest';
import type { Append } from '../../log/log.ts';
import { decodeRecord } from '../../log/record-codec.ts';
import { partitionOf } from '../partition.ts';
import { takeForecasts } from './forecast-intake.ts';

const now = Date.UTC(2024, 3, 30, 6);
const stations = new Map(
  ['A801', 'A802'].map((id) => [
    id,
    {
      ...{ id, name: id, latitude: -30, longitude: -51, altitude: 10 },
      ...{ region: '4314902', timeZone: 'UTC', intervalMs: 3_600_000 },
    },
  ]),
);
const line = (station: string, value: unknown = 45) =>
  JSON.stringify({
    ...{ station, issuer: 'gfs', issuedAt: '2024-04-30T00:00:00Z', quantity: 'rainfall', interval: '1h' },
    values: [{ validAt: '2024-04-30T07:00:00Z', value }],
  });

async function send(body: string | Uint8Array, allowed?: string) {
  const appended: Append[] = [];
  const counts: Record<string, number> = {};
  const answer = await takeForecasts(
    {
      ...{ contentType: 'application/x-ndjson', encoding: 'identity', body: Buffer.from(body) },
      ...(allowed === undefined ? {} : { mayReport: (id: string) => id === allowed }),
    },
    {
      log: { partitions: 8, append: async (some: readonly Append[]) => void appended.push(...some) } as never,
      intake: { station: (id) => stations.get(id) },
      now: () => now,
      onCounted: (what, by) => {
        if (by > 0) counts[what] = (counts[what] ?? 0) + by;
      },
    },
  );
  return { answer, appended, counts };
}

test('forecasts go to the partition of their station, as they came; a bad one is refused by its line', async () => {
  const { answer, appended, counts } = await send([line('A801'), line('X1'), line('A802', 'wet')].join('\n'));
  expect(answer).toMatchObject({
    status: 202,
    body: {
      accepted: 1,
      rejected: [
        { index: 2, code: 'unknown-station' },
        { index: 3, code: 'not-finite' },
      ],
    },
  });
  expect(appended.map(({ partition, key }) => [partition, key])).toEqual([
    [partitionOf('4314902', 8), 'A801'],
  ]);
  expect(decodeRecord(appended[0]?.payload as Uint8Array)).toMatchObject({
    kind: 'forecast',
    forecast: { station: 'A801', issuer: 'gfs', receivedAt: now, values: [45_000] },
  });
  expect(counts).toEqual({ forecasts: 1, 'refused-unknown-station': 1, 'refused-not-finite': 1 });
});

test('a key speaks for its own stations alone', async () => {
  const { answer, appended } = await send([line('A801'), line('A802')].join('\n'), 'A802');
  expect(answer.body).toMatchObject({ accepted: 1, rejected: [{ index: 1, code: 'scope' }] });
  expect(appended.map(({ key }) => key)).toEqual(['A802']);
});

test('what is no text is refused whole, and nothing good gives 422', async () => {
  await expect(send(Uint8Array.of(0xff, 0xfe))).rejects.toMatchObject({ code: 'ATL_UNREADABLE' });
  expect((await send(line('X1'))).answer.status).toBe(422);
});
