import { afterEach, describe, expect, it, vi } from 'vitest';
import { inQueue, sendAct } from './acts.ts';

const alert = { alert: 'a1', revision: 3 };

describe('sendAct', () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each([
    [200, 'done'],
    [202, 'taken'],
    [401, 'forbidden'],
    [403, 'forbidden'],
    [409, 'changed'],
  ])('%i means %s', async (status, meaning) => {
    const sent: [string, RequestInit][] = [];
    vi.stubGlobal('fetch', async (address: string, init: RequestInit) => {
      sent.push([address, init]);
      return new Response('{}', { status });
    });
    expect(await sendAct(alert, { name: 'cancel', reason: 'false' }, 'k1')).toBe(meaning);
    expect(sent[0]?.[0]).toBe('/api/v1/alerts/a1/cancel');
    expect(sent[0]?.[1].headers).toMatchObject({ 'if-match': '"3"', 'idempotency-key': 'k1' });
    expect(sent[0]?.[1].body).toBe('{"reason":"false"}');
  });

  it('says that another person has to approve', async () => {
    vi.stubGlobal('fetch', async () => new Response('{}', { status: 403 }));
    expect(await sendAct(alert, { name: 'approve' }, 'k')).toBe('second');
  });

  it('tells why it was refused, or that nothing answered', async () => {
    vi.stubGlobal('fetch', async () => new Response('{"detail":"Body `until`: is past."}', { status: 422 }));
    expect(await sendAct(alert, { name: 'acknowledge' }, 'k')).toEqual({ refused: 'Body `until`: is past.' });
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('no connection');
    });
    expect(await sendAct(alert, { name: 'acknowledge' }, 'k')).toEqual({ refused: 'no connection' });
  });
});

it('puts the worst first, and the newest first among equals', () => {
  const of = (level: 'yellow' | 'red', issuedAt: string) => ({ level, issuedAt });
  const [old, young, red] = [
    of('yellow', '2024-04-30T04:00:00Z'),
    of('yellow', '2024-04-30T05:00:00Z'),
    of('red', '2024-04-30T03:00:00Z'),
  ];
  expect(inQueue([old, young, red])).toEqual([red, young, old]);
});
