import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeRecord } from '../log/record-codec.ts';
import { raise, sampleAt, sampleSubscription } from '../store/ledger/sample.ts';
import { type Fixture, openFixture } from './fixture.ts';
import { buildServer } from './server.ts';

interface DutyItem {
  readonly kind: string;
  readonly alert?: string;
  readonly isWaiting?: boolean;
  readonly [key: string]: unknown;
}

describe('GET /api/v1/duty', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await openFixture();
  });
  afterEach(() => fixture.remove());

  const page = async (query = ''): Promise<{ items: DutyItem[]; next: string | null; total: object }> => {
    const { app } = await buildServer(fixture.deps);
    const answer = await app.inject(`/api/v1/duty${query}`);
    await app.close();
    expect(answer.statusCode).toBe(200);
    return answer.json();
  };
  const duty = async (): Promise<DutyItem[]> => (await page()).items;

  const acknowledge = async (alert: string, revision: number): Promise<void> => {
    const { epoch, offset: from } = await fixture.ledger.acquire(0);
    const outcome = {
      command: `c-${alert}`,
      act: 'acknowledge',
      alert,
      by: 'Ana',
      at: sampleAt,
      revision,
    } as const;
    await fixture.ledger.commit([
      {
        partition: 0,
        epoch,
        from,
        to: from + 1,
        revisions: [],
        acts: [{ offset: from, outcome }],
        clockAt: sampleAt,
      },
    ]);
  };

  it('asks for each open alert until it is acknowledged, and again when its level rises', async () => {
    await fixture.commit(
      raise('a1', { level: 'yellow' }),
      raise('a2'),
      raise('a3', { event: 'ended', endReason: 'cleared' }),
    );
    const waiting = async (): Promise<unknown> =>
      Object.fromEntries((await duty()).map(({ alert, isWaiting }) => [alert, isWaiting]));
    expect(await waiting()).toEqual({ a1: true, a2: true });
    await acknowledge('a1', 1);
    expect(await waiting()).toEqual({ a1: false, a2: true });
    expect((await duty()).find(({ alert }) => alert === 'a1')).toMatchObject({
      kind: 'alert',
      state: 'active',
      acknowledged: { by: 'Ana', revision: 1 },
    });
    await fixture.commit(raise('a1', { revision: 2, event: 'updated', level: 'yellow' }));
    expect(await waiting()).toEqual({ a1: false, a2: true });
    await fixture.commit(
      raise('a1', { revision: 3, event: 'escalated', level: 'red', previousLevel: 'yellow' }),
    );
    expect(await waiting()).toEqual({ a1: true, a2: true });
  });

  it('gives the worst first, page by page, so that no red is cut, and says how many there are', async () => {
    const levels = ['red', 'yellow', 'orange', 'yellow', 'red', 'yellow', 'yellow'] as const;
    await fixture.commit(...levels.map((level, i) => raise(`a${i}`, { level })));
    await fixture.ledger.hold({
      ...{ kind: 'unknown-station', station: 'X1', reason: 'unknown', at: sampleAt },
      payload: encodeRecord({ kind: 'tick', at: sampleAt, live: true } as never),
    });
    const total = { alerts: { yellow: 4, orange: 1, red: 2 }, deliveries: 0, stations: 1 };
    for (const limit of [1, 2, 3, 7, 100]) {
      const found: unknown[] = [];
      let next: string | null = '';
      while (next !== null) {
        const cursor: string = next && `&cursor=${encodeURIComponent(next)}`;
        const one = await page(`?limit=${limit}${cursor}`);
        expect(one.total).toEqual(total);
        const alerts = one.items.filter(({ kind }) => kind === 'alert');
        expect(alerts.length).toBeLessThanOrEqual(limit);
        // What is no alert comes once.
        expect(one.items.length - alerts.length).toBe(next === '' ? 1 : 0);
        found.push(...alerts.map(({ alert }) => alert));
        next = one.next;
      }
      expect(found).toEqual(['a4', 'a0', 'a2', 'a6', 'a5', 'a3', 'a1']);
    }
    const { app } = await buildServer(fixture.deps);
    for (const wrong of ['blue.x', 'red.x', 'x'])
      expect((await app.inject(`/api/v1/duty?cursor=${wrong}`)).statusCode).toBe(400);
    await app.close();
  });

  it('reads once more when an alert rises between the levels', async () => {
    await fixture.commit(raise('a1', { level: 'yellow' }));
    const { ledger } = fixture;
    let isRisen = false;
    const rising: typeof ledger = {
      ...ledger,
      async alerts(filter) {
        const page = await ledger.alerts(filter);
        if (filter.level === 'red' && !isRisen) {
          isRisen = true;
          await fixture.commit(raise('a1', { revision: 2, event: 'escalated', level: 'red' }));
        }
        return page;
      },
    };
    const { app } = await buildServer({ ...fixture.deps, ledger: rising });
    const { items } = (await app.inject('/api/v1/duty')).json() as { items: DutyItem[] };
    await app.close();
    expect(items).toMatchObject([{ alert: 'a1', level: 'red' }]);
  });

  it('shows a held report that cannot be read, with its size and the reason', async () => {
    const hold = (station: string, payload: Uint8Array) =>
      fixture.ledger.hold({ kind: 'unknown-station', station, payload, reason: 'unknown', at: sampleAt });
    await hold('X1', new Uint8Array([9, 9, 9]));
    await fixture.commit(raise('a1'));
    expect(await duty()).toMatchObject([
      { kind: 'alert' },
      { kind: 'station', last: null, unreadable: { bytes: 3, reason: expect.stringMatching(/./) } },
    ]);
  });

  it('names deliveries that were given up and stations that nobody registered', async () => {
    const { ledger } = fixture;
    await fixture.commit(raise('a1'));
    await ledger.putSubscriptions('config', [sampleSubscription('sirens')]);
    const [row] = await ledger.outbox(1);
    const seq = row?.revision.seq ?? 0;
    await ledger.expand(
      [{ seq, deliveries: [{ subscription: sampleSubscription('sirens'), destination: 'x' }] }],
      sampleAt,
    );
    const [claimed] = await ledger.claim({
      channel: 'ops',
      notTo: [],
      now: sampleAt,
      leaseUntil: sampleAt + 1000,
      limit: 1,
      claimer: 'one',
    });
    await ledger.settle([{ key: claimed?.key ?? '', state: 'dead', at: sampleAt, error: 'HTTP 500' }]);
    const report = {
      station: 'X1',
      observedAt: sampleAt,
      intervalMs: 600_000,
      receivedAt: sampleAt + 5000,
      quantities: ['rainfall'],
      values: [12_400],
    };
    const payload = encodeRecord({ kind: 'report', report });
    for (const at of [sampleAt, sampleAt + 1000])
      await ledger.hold({ kind: 'unknown-station', station: 'X1', payload, reason: 'unknown', at });
    const items = await duty();
    expect(items.map(({ kind }) => kind)).toEqual(['alert', 'delivery', 'station']);
    expect(items[1]).toMatchObject({ alert: 'a1', channel: 'ops', attempts: 1, lastError: 'HTTP 500' });
    expect(items[2]).toEqual({
      kind: 'station',
      station: 'X1',
      reports: 2,
      since: '2024-04-30T06:00:00Z',
      at: '2024-04-30T06:00:01Z',
      last: { observedAt: '2024-04-30T06:00:00Z', values: { rainfall: { value: 12.4, unit: 'mm' } } },
    });
  });
});
