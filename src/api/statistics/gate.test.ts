import type { FastifyReply, FastifyRequest } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../model/time.ts';
import type { Aggregates } from '../../store/archive/archive.ts';
import { openAccessFixture } from '../access/fixture.ts';
import { buildServer } from '../server.ts';
import { AnonymousGate } from './gate.ts';

const from = (ip: string): FastifyRequest => ({ ip }) as FastifyRequest;
const reply = { header: () => reply } as unknown as FastifyReply;

describe('the gate for those who say no name', () => {
  it('makes one statistic of an address at a time, lets eight wait, and serves four addresses', async () => {
    const gate = new AnonymousGate();
    const running = new Map<string, number>();
    const ends: (() => void)[] = [];
    let most = 0;
    const ask = (ip: string): Promise<void> =>
      gate.turn(from(ip), reply, async () => {
        running.set(ip, (running.get(ip) ?? 0) + 1);
        most = Math.max(most, ...running.values());
        await new Promise<void>((done) => ends.push(done));
        running.set(ip, (running.get(ip) ?? 0) - 1);
      });
    const asked = Array.from({ length: 8 }, () => ask('a'));
    await expect(ask('a')).rejects.toMatchObject({ code: 'ATL_TOO_MANY' });
    asked.push(...['b', 'c', 'd'].map(ask));
    await expect(ask('e')).rejects.toMatchObject({ code: 'ATL_BUSY' });
    let left = asked.length;
    for (const one of asked) void one.then(() => left--);
    while (left > 0) {
      for (const end of ends.splice(0)) end();
      await new Promise((done) => setImmediate(done));
    }
    expect(most).toBe(1);
    const again = ask('e');
    await new Promise((done) => setImmediate(done));
    for (const end of ends.splice(0)) end();
    await again;
  });

  it('goes on after work that fails', async () => {
    const gate = new AnonymousGate();
    const failing = gate.turn(from('a'), reply, () => Promise.reject(new Error('no archive')));
    const next = gate.turn(from('a'), reply, async () => 1);
    await expect(failing).rejects.toThrow('no archive');
    expect(await next).toBe(1);
  });
});

describe('statistics of a server that asks who people are', () => {
  let opened: Awaited<ReturnType<typeof openAccessFixture>>;
  let app: Awaited<ReturnType<typeof buildServer>>['app'];
  afterEach(async () => {
    await app.close();
    await opened.fixture.remove();
  });

  it('asks the archive once a minute for the same question of anybody, within fifty years; of users always, of all', async () => {
    opened = await openAccessFixture();
    const asked: { from: number; to: number }[] = [];
    const column = new Float64Array(0);
    const none = { at: column, sum: column, min: column, max: column, count: column, coveredMs: column };
    const archive = {
      ...opened.deps.archive,
      aggregates: async ({ from, to }: { from: number; to: number }) => {
        asked.push({ from, to });
        return { ...none, starts: [0, 0] } as unknown as Aggregates;
      },
    };
    ({ app } = await buildServer({ ...opened.deps, archive }));
    await opened.add('ana', 'viewer');
    const user = { authorization: `Bearer ${await opened.token('ana')}` };
    const url = '/api/v1/statistics/stations/A801/completeness?quantity=rainfall';
    const ask = (more = '', headers = {}) => app.inject({ url: url + more, headers });
    const first = await ask();
    expect([first.statusCode, (await ask()).body]).toEqual([200, first.body]);
    expect((await ask('', { 'if-none-match': String(first.headers.etag) })).statusCode).toBe(304);
    expect(asked).toHaveLength(1);
    expect((asked[0]?.to ?? 0) - (asked[0]?.from ?? 0)).toBeLessThanOrEqual(50 * 366 * 24 * HOUR_MS);
    const old = await ask('&from=1900-01-01T00:00:00Z');
    expect([old.statusCode, old.json().detail]).toEqual([400, expect.stringContaining('sign in')]);
    expect((await ask('', user)).statusCode).toBe(200);
    expect((await ask('', user)).statusCode).toBe(200);
    expect(asked).toHaveLength(3);
    expect(new Date(asked[2]?.from ?? 0).getUTCFullYear()).toBe(1800);
  });

  it('refuses the tenth request of an address with 429 while those who are signed in are answered', async () => {
    opened = await openAccessFixture();
    const ends: (() => void)[] = [];
    const column = new Float64Array(0);
    let isHeld = true;
    const archive = {
      ...opened.deps.archive,
      aggregates: async () => {
        if (isHeld) await new Promise<void>((done) => ends.push(done));
        const names = ['at', 'sum', 'min', 'max', 'count', 'coveredMs'];
        return Object.fromEntries(names.map((name) => [name, column])) as unknown as Aggregates;
      },
    };
    ({ app } = await buildServer({ ...opened.deps, archive }));
    await opened.add('ana', 'viewer');
    const user = { authorization: `Bearer ${await opened.token('ana')}` };
    const ask = (year: number, headers = {}, remoteAddress = '192.0.2.1') => {
      const span = `from=${year}-01-01T00:00:00Z`;
      const url = `/api/v1/statistics/stations/A801/completeness?quantity=rainfall&${span}`;
      return app.inject({ url, headers, remoteAddress });
    };
    const asked = Array.from({ length: 8 }, (_, i) => ask(2000 + i));
    await expect.poll(() => ends.length).toBe(1);
    const refused = await ask(2010);
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '2']);
    const others = [1, 2, 3].map((n) => ask(2000, {}, `198.51.100.${n}`));
    await new Promise((done) => setImmediate(done));
    const busy = await ask(2000, {}, '198.51.100.9');
    expect([busy.statusCode, busy.headers['retry-after']]).toEqual([503, '2']);
    const mine = ask(2011, user);
    isHeld = false;
    for (const end of ends) end();
    expect((await mine).statusCode).toBe(200);
    const statuses = (await Promise.all([...asked, ...others])).map(({ statusCode }) => statusCode);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});
