import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Append, Log } from '../../log/log.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { openSqliteLedger } from '../../store/ledger/sqlite/ledger.ts';
import { Intake } from './intake.ts';

const now = Date.UTC(2024, 3, 30, 6);
const known = {
  ...{ id: 'A801', name: 'A801', latitude: -30, longitude: -51, altitude: 10 },
  ...{ region: '4314902', timeZone: 'UTC', intervalMs: 3_600_000 },
};

let folder = '';
let ledger: Ledger;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atalaia-intake-'));
  ledger = await openSqliteLedger({ path: join(folder, 'ledger.sqlite') });
  await ledger.putStations([known]);
});
afterEach(async () => {
  await ledger.close();
  await rm(folder, { recursive: true, force: true });
});

async function setting(unknown: 'hold' | 'accept') {
  const appended: Append[] = [];
  const counts: Record<string, number> = {};
  const log = {
    partitions: 4,
    append: async (some: readonly Append[]) => void appended.push(...some),
  };
  const intake = new Intake({
    ...{ ledger, unknown, now: () => now, atMost: { stations: 2, reports: 2 } },
    log: log as unknown as Log,
    adopt: async () => {},
    onCounted: (what, by) => {
      if (by > 0) counts[what] = (counts[what] ?? 0) + by;
    },
  });
  await intake.load();
  const send = (...stations: string[]) =>
    intake.request({
      contentType: 'application/json',
      encoding: 'identity',
      body: Buffer.from(
        JSON.stringify(
          stations.map((station, i) => ({
            station,
            observedAt: new Date(now - i * 3_600_000).toISOString(),
            values: { rainfall: i },
          })),
        ),
      ),
    });
  return { send, counts, appended, intake };
}

test('a flood of names that nobody knows ends at a bound, by name and count; a known station goes on', async () => {
  const { send, counts, appended } = await setting('hold');
  const answer = await send('X1', 'X2', 'X3', 'A801', 'X1', 'X1', 'X4');
  expect(answer).toMatchObject({
    status: 202,
    body: {
      accepted: 4,
      rejected: [
        { index: 2, code: 'unknown-station', message: expect.stringContaining('Station X3') },
        { index: 5, code: 'unknown-station' },
        { index: 6, code: 'unknown-station' },
      ],
    },
  });
  expect(appended.map(({ key }) => key)).toEqual(['A801']);
  expect(counts).toEqual({ accepted: 4, held: 3, 'refused-unknown-station': 3 });
  expect(await ledger.heldStations(10)).toHaveLength(2);
  expect((await send('X9')).status).toBe(422);
});

test('a station that is adopted makes room for another', async () => {
  const { send, intake } = await setting('hold');
  await send('X1', 'X2');
  expect((await send('X3')).status).toBe(422);
  await intake.put([{ ...known, id: 'X1' }]);
  expect((await send('X3')).status).toBe(202);
});

test('stations that are adopted unseen have a bound, too', async () => {
  const { send, counts, intake } = await setting('accept');
  const answer = await send('X1', 'X2', 'X3', 'A801');
  expect(answer.body).toMatchObject({ accepted: 3, rejected: [{ index: 2, code: 'unknown-station' }] });
  expect(intake.stations().map(({ id }) => id)).toEqual(['A801', 'X1', 'X2']);
  expect(counts).toMatchObject({ 'refused-unknown-station': 1 });
});

test('a held report that cannot be read goes to the quarantine; the station and the others are adopted', async () => {
  const { send, intake, appended, counts } = await setting('hold');
  const payload = new Uint8Array([9, 9, 9]);
  await ledger.hold({ kind: 'unknown-station', station: 'X1', payload, reason: 'unknown', at: now });
  await send('X1');
  await intake.put([{ ...known, id: 'X1' }]);
  expect(appended.map(({ key }) => key)).toEqual(['X1']);
  expect(await ledger.held({ limit: 10 })).toMatchObject([
    { kind: 'quarantine', payload, reason: expect.stringContaining('held for station X1: ') },
  ]);
  expect(counts).toMatchObject({ quarantined: 1 });
});
