import { describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Forecast } from '../../model/forecast.ts';
import type { Report } from '../../model/report.ts';
import { SourceIntake, type SourceIntakeOptions, type SourceMessage, tellSeldom } from './intake.ts';

const now = Date.UTC(2024, 3, 30, 12);
/** Pauses pass at once. */
const hasty: Clock = { ...systemClock, after: (_, callback) => systemClock.after(0, callback) };

const one = (values: object, station = 'A801'): object => ({
  station,
  observedAt: '2024-04-30T11:00:00Z',
  interval: 'PT1H',
  values,
});

function setting(changed: Partial<SourceIntakeOptions> = {}) {
  const reports: Report[] = [];
  const forecasts: Forecast[] = [];
  const held: { body: string; reason: string }[] = [];
  const counts: Record<string, number> = {};
  const events: string[] = [];
  const intake = new SourceIntake({
    ledger: {
      hold: async ({ payload, reason }) => held.push({ body: Buffer.from(payload).toString(), reason }) > 0,
    },
    append: async (taken) => {
      reports.push(...taken);
      return new Set();
    },
    forecast: async (some) => {
      forecasts.push(...some);
      return { accepted: some.length, rejected: [] };
    },
    stationInterval: () => null,
    clock: hasty,
    now: () => now,
    onCounted: (what, by) => {
      if (by > 0) counts[what] = (counts[what] ?? 0) + by;
    },
    onEvent: ({ kind }) => void events.push(kind),
    ...changed,
  });
  const take = (
    body: unknown,
    contentType = 'application/json',
    more: Partial<SourceMessage> = {},
  ): Promise<number | null> =>
    intake.take({
      ...more,
      body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
      contentType,
      encoding: undefined,
      origin: 'queue q',
    });
  return { intake, reports, forecasts, held, counts, events, take };
}

test('one report or an array goes to the log, and what is repeated in it is counted', async () => {
  const { take, reports, held, counts } = setting();
  await take(one({ rainfall: 1 }));
  await take([one({ rainfall: 2 }, 'B'), one({ rainfall: 2 }, 'B'), one({ rainfall: 3 }, 'C')]);
  await take([]);
  expect(reports.map(({ station }) => station)).toEqual(['A801', 'B', 'C']);
  expect(counts).toEqual({ accepted: 3, duplicates: 1 });
  expect(held).toEqual([]);
});

describe('a message with forecasts', () => {
  const written = { format: 'open-meteo', profile: {} };
  const answer = (unit: string): object => ({
    ...{ latitude: -30, longitude: -51, utc_offset_seconds: 0 },
    hourly: { time: ['2024-04-30T12:00', '2024-04-30T13:00'], precipitation: [1, 2.5] },
    hourly_units: { precipitation: unit },
  });

  test('gives them to the log beside its reports', async () => {
    const { take, forecasts, reports, held, events } = setting();
    expect(await take(answer('mm'), undefined, { written })).toBeNull();
    expect(forecasts).toMatchObject([
      { station: 'open-meteo:-30_-51', quantity: 'rainfall', issuedAt: now, values: [2500] },
    ]);
    expect([reports, held, events]).toEqual([[], [], []]);
  });

  test('is kept aside when none of them can be read', async () => {
    const { take, held, counts } = setting();
    await take(answer('furlong'), undefined, { written });
    expect(held).toMatchObject([{ reason: expect.stringMatching(/forecast 0: rainfall: .*furlong/) }]);
    expect(counts).toEqual({ quarantined: 1, 'refused-unit': 1 });
  });

  test('of a station that is not known is told, and not kept: a newer one comes', async () => {
    const rejected = [{ index: 0, code: 'unknown-station' as const, message: 'not in the registry' }];
    const { take, held, events } = setting({ forecast: async () => ({ accepted: 0, rejected }) });
    await take(answer('mm'), undefined, { written });
    expect([held, events]).toEqual([[], ['refused']]);
  });
});

test.each([
  ['no JSON', '{"station":', 'application/json', /line 1, column/],
  ['nothing at all', '', 'application/json', /line 1/],
  ['a form that is not read', '{}', 'text/plain', /text\/plain/],
  ['no report', { any: 'thing' }, 'application/json', /report 0/],
  [
    'a report of the future',
    { ...one({ rainfall: 1 }), observedAt: '2024-05-01T00:00:00Z' },
    'application/json',
    /report 0/,
  ],
])('%s is kept in quarantine, whole, with the reason', async (_, body, contentType, reason) => {
  const { take, reports, held, counts, events } = setting();
  await take(body, contentType);
  expect(reports).toEqual([]);
  expect(held).toEqual([
    { body: typeof body === 'string' ? body : JSON.stringify(body), reason: expect.stringMatching(reason) },
  ]);
  expect(held[0]?.reason).toMatch(/^queue q: /);
  expect(counts.quarantined).toBe(1);
  expect(events).toEqual(['quarantined']);
});

test('of a message that is good in part the good is taken, and a lost report keeps the message', async () => {
  const { take, reports, held, counts, events } = setting();
  await take([one({ rainfall: 1 }), { station: 'B' }]);
  expect(reports).toHaveLength(1);
  expect(held).toHaveLength(1);
  // A reading alone is refused by name, as for every producer.
  await take(one({ rainfall: -5, airTemperature: 20 }, 'C'));
  expect(reports.map(({ quantities }) => quantities)).toEqual([['rainfall'], ['airTemperature']]);
  expect(held).toHaveLength(1);
  expect(events).toEqual(['quarantined', 'refused']);
  expect(counts).toMatchObject({ accepted: 2, quarantined: 1 });
});

test('an outage of the log is waited for: the message is good and never put aside', async () => {
  let failures = 20;
  const taken: Report[] = [];
  const { take, held, events } = setting({
    append: async (reports) => {
      if (failures-- > 0) throw new AtalaiaError(failures % 2 ? 'ATL_BUSY' : 'ATL_LOG_CLOSED', 'no broker');
      taken.push(...reports);
      return new Set();
    },
  });
  await take(one({ rainfall: 1 }));
  expect(taken).toHaveLength(1);
  expect(held).toEqual([]);
  expect(events).toEqual(['blocked', 'unblocked']);
});

test('an outage of the quarantine is waited for, too', async () => {
  let failures = 5;
  const held: string[] = [];
  const { take } = setting({
    ledger: {
      hold: async ({ reason }) => {
        if (failures-- > 0) throw new AtalaiaError('ATL_STORE', 'no database');
        return held.push(reason) > 0;
      },
    },
  });
  await take('{');
  expect(held).toHaveLength(1);
});

test('what is beyond the bound of unknown stations is told, and does not fill the quarantine instead', async () => {
  const { take, held, counts, events } = setting({ append: async (reports) => new Set(reports) });
  await take([one({ rainfall: 1 }, 'X1'), one({ rainfall: 1 }, 'X2')]);
  expect([held, counts, events]).toEqual([[], {}, ['refused']]);
});

test('a message that fails by itself holds up nothing: after three tries it is put aside', async () => {
  let tries = 0;
  const { take, held } = setting({
    append: async () => {
      tries++;
      throw new AtalaiaError('ATL_CONFLICT', 'station is elsewhere');
    },
  });
  await take(one({ rainfall: 1 }));
  expect(tries).toBe(3);
  expect(held[0]?.reason).toBe('queue q: station is elsewhere');
});

test('stopped in an outage it gives the message back', async () => {
  const { intake, take, held } = setting({
    append: async () => {
      throw new AtalaiaError('ATL_BUSY', 'no broker');
    },
    clock: systemClock,
  });
  const taking = take(one({ rainfall: 1 }));
  intake.stop();
  await expect(taking).rejects.toMatchObject({ code: 'ATL_BUSY' });
  expect(held).toEqual([]);
});

test('a flood is told once a second, with what was left unsaid', () => {
  let at = 0;
  const told: [string, number][] = [];
  const tell = tellSeldom({ ...systemClock, monotonicMs: () => at }, ({ kind }, unsaid) =>
    told.push([kind, unsaid]),
  );
  const event = { kind: 'quarantined', origin: 'q', reason: 'r' } as const;
  for (at = 0; at < 2000; at += 100) tell(event);
  tell({ kind: 'unblocked' });
  tell(event);
  expect(told).toEqual([
    ['quarantined', 0],
    ['quarantined', 9],
    ['unblocked', 0],
    ['quarantined', 9],
  ]);
});

test('a message of a producer goes through its format, and what gives no reading is counted', async () => {
  const { intake, reports, held, counts } = setting();
  const message = (body: string): Parameters<typeof intake.take>[0] => ({
    body: Buffer.from(body),
    contentType: undefined,
    encoding: undefined,
    written: { format: 'ecowitt', profile: { stations: new Map([['AB', 'A801']]) } },
    origin: 'udp',
  });
  const observedAt = Date.parse('2024-04-30T11:00:00Z');
  expect(
    await intake.take(message('PASSKEY=AB&dateutc=2024-04-30+11:00:00&tempf=68&tempinf=70&strange=1')),
  ).toBe(observedAt);
  expect(reports).toMatchObject([
    { station: 'A801', observedAt, quantities: ['airTemperature'], values: [20_000] },
  ]);
  // The room, the key and the clock of the console are no lost readings.
  expect(counts).toEqual({ accepted: 1, ignored: 1 });
  expect(await intake.take(message('tempf=68'))).toBeNull();
  expect(held).toMatchObject([{ reason: expect.stringContaining('PASSKEY') }]);
});
