import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { openCapReader } from '../../../alerts/cap/read/reader.ts';
import { readForeign } from '../../../alerts/foreign/document.ts';
import type { ForeignFacts } from '../../../alerts/foreign/facts.ts';
import { type Clock, systemClock } from '../../../lib/clock.ts';
import { FeedTaker, type FeedTakerOptions } from './taker.ts';

const reader = openCapReader(readFileSync(new URL('../../../alerts/cap/CAP-v1.2.xsd', import.meta.url)));
const URL_OF_FEED = 'https://met.example.org/cap/feed.atom';
const cap = (identifier: string, sender = 'a@met.example.org', sent = '2026-01-15T14:00:00-03:00'): string =>
  `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>${identifier}</identifier><sender>${sender}</sender>` +
  `<sent>${sent}</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope><info><category>Met</category>` +
  '<event>Chuva</event><urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty>' +
  '<area><areaDesc>SP</areaDesc></area></info></alert>';
const entry = (id: string, inner: string, updated = '1'): string =>
  `<entry><id>${id}</id><title>t</title><updated>${updated}</updated>${inner}</entry>`;
const linked = (...ids: string[]): string => ids.map((id) => entry(id, `<link href="/m/${id}"/>`)).join('');
const feed = (entries: string): Buffer =>
  Buffer.from(
    `<feed xmlns="http://www.w3.org/2005/Atom"><id>f</id><title>t</title><updated>1</updated>${entries}</feed>`,
  );

/** The host is there, and says no. */
class Refusal extends Error {}

let asked: string[];
let kept: string[];
let mark: string | undefined;
let now: number;
/** What a message answers instead of itself. */
let answers: Map<string, string | Error>;
let room: number;

function taker(more: Partial<FeedTakerOptions> = {}): FeedTaker {
  const clock: Clock = { ...systemClock, now: () => now };
  return new FeedTaker({
    ...{ source: 'met', url: URL_OF_FEED, senders: ['A@met.example.org'], hosts: [], maxMessages: 100 },
    ...{ clock, isForGood: (error) => error instanceof Refusal },
    read: async (bytes, base) => readForeign(reader, bytes, base),
    get: async (url) => {
      asked.push(url);
      const id = url.split('/').at(-1) as string;
      const answer = answers.get(id) ?? cap(id);
      if (answer instanceof Error) throw answer;
      return Buffer.from(answer);
    },
    put: async (facts: readonly ForeignFacts[]) =>
      facts.map(({ alert }) => {
        if (room-- <= 0) return false;
        kept.push(alert?.identifier ?? '');
        return true;
      }),
    loadMark: async () => mark,
    saveMark: async (text) => {
      mark = text;
    },
    ...more,
  });
}
const { signal } = new AbortController();

beforeEach(() => {
  [asked, kept, mark, room] = [[], [], undefined, 1000];
  now = Date.parse('2026-01-15T18:00:00Z');
  answers = new Map();
});

describe('links', () => {
  it('are followed once, by this process and by the next', async () => {
    const one = taker();
    const report = await one.take(feed(linked('a', 'b')), signal);
    expect(report).toEqual({ taken: 2, missing: 0, refused: {}, strangers: [], findings: [], isWhole: true });
    await one.take(feed(linked('c', 'a', 'b')), signal);
    await taker().take(feed(linked('b', 'c', 'a')), signal);
    expect(asked).toEqual(['a', 'b', 'c'].map((id) => `https://met.example.org/m/${id}`));
    // A newer version of the entry is another message.
    await one.take(feed(entry('a', '<link href="/m/a"/>', '2')), signal);
    expect(asked.length).toBe(4);
    // What the feed has no more is not remembered for ever.
    expect(JSON.parse(mark ?? '').held.length).toBe(1);
  });

  it('are followed so many at a time, and the rest with the next reading', async () => {
    const one = taker({ maxMessages: 3 });
    const all = feed(linked('a', 'b', 'c', 'd', 'e'));
    expect([(await one.take(all, signal)).isWhole, kept.length]).toEqual([false, 3]);
    expect([(await one.take(all, signal)).isWhole, kept.length]).toEqual([true, 5]);
  });

  it('of hosts that are not known are counted; others may be named; TLS is not given up', async () => {
    const entries = ['http://met.example.org/m/a', 'https://cdn.example.org/m/b', 'https://x.example.org/m/c']
      .map((href, i) => entry(`${i}`, `<link href="${href}"/>`))
      .join('');
    const report = await taker({ hosts: ['cdn.example.org'] }).take(feed(entries), signal);
    expect(report).toMatchObject({ refused: { host: 1 }, missing: 1 });
    expect(asked).toEqual(['https://met.example.org/m/a', 'https://cdn.example.org/m/b']);
  });

  it('that fail come last, and keep nothing back', async () => {
    answers.set('a', new Error('reset'));
    const one = taker({ maxMessages: 2 });
    const all = feed(linked('a', 'b', 'c', 'd'));
    expect(await one.take(all, signal)).toMatchObject({ isWhole: false, refused: { unreachable: 1 } });
    await one.take(all, signal);
    expect(kept).toEqual(['b', 'c', 'd']);
    // One that cannot be had is no failure of the feed, which is to be asked as often as ever.
    expect(await one.take(all, signal)).toMatchObject({ isWhole: false, missing: 1, taken: 0 });
    answers.clear();
    expect((await one.take(all, signal)).isWhole).toBe(true);
    expect(kept).toEqual(['b', 'c', 'd', 'a']);
  });

  it('are left for the next time when one after the other fails', async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `m${i}`);
    for (const id of ids) answers.set(id, new Error('reset'));
    const one = taker();
    expect(await one.take(feed(linked(...ids)), signal)).toMatchObject({ isWhole: false, missing: 20 });
    expect(asked.length).toBe(4);
    // A server that answers, if only no, is there.
    for (const id of ids) answers.set(id, new Refusal('404'));
    await one.take(feed(linked(...ids)), signal);
    expect(asked.length).toBe(24);
  });

  it('that are refused, or hold no message, are given up after some tries', async () => {
    answers.set('a', new Refusal('404'));
    answers.set('b', '<html/>');
    const one = taker();
    const wholes: boolean[] = [];
    for (let i = 0; i < 6; i++) wholes.push((await one.take(feed(linked('a', 'b')), signal)).isWhole);
    expect(wholes).toEqual([false, false, false, false, true, true]);
    expect(asked.length).toBe(10);
  });
});

describe('messages', () => {
  it('of senders who are not on the list are refused and told, until they are', async () => {
    answers.set('b', cap('b', 'x@else.org'));
    const all = feed(
      linked('b') + entry('i', `<content type="text/xml">${cap('i', 'y@else.org')}</content>`),
    );
    const report = await taker().take(all, signal);
    expect(report).toMatchObject({ taken: 0, refused: { sender: 2 }, isWhole: true });
    expect(report.strangers.toSorted()).toEqual(['x@else.org', 'y@else.org']);
    await taker().take(all, signal);
    expect(asked.length).toBe(1);
    await taker({ senders: ['a@met.example.org', 'x@else.org'] }).take(all, signal);
    expect([asked.length, kept]).toEqual([2, ['b']]);
  });

  it('from the future come again until their time is there', async () => {
    answers.set('a', cap('a', undefined, '2026-01-18T00:00:00Z'));
    const inside = entry(
      'i',
      `<content type="text/xml">${cap('i', undefined, '2026-01-18T00:00:00Z')}</content>`,
    );
    const one = taker();
    for (const all of [feed(linked('a')), feed(inside)])
      expect(await one.take(all, signal)).toMatchObject({ isWhole: false, refused: { future: 1 } });
    now = Date.parse('2026-01-17T12:00:00Z');
    for (const all of [feed(linked('a')), feed(inside)])
      expect((await one.take(all, signal)).isWhole).toBe(true);
    expect(kept).toEqual(['a', 'i']);
  });

  it('for which there is no room come again', async () => {
    room = 1;
    const one = taker();
    const all = feed(linked('a', 'b'));
    expect(await one.take(all, signal)).toMatchObject({ taken: 1, isWhole: false, refused: { full: 1 } });
    room = 1;
    expect(await one.take(all, signal)).toMatchObject({ taken: 1, isWhole: true });
    expect(kept).toEqual(['a', 'b']);
  });

  it('that could not be kept are not held', async () => {
    const failing = taker({ put: () => Promise.reject(new Error('the ledger is away')) });
    await expect(failing.take(feed(linked('a')), signal)).rejects.toThrow('away');
    await taker().take(feed(linked('a')), signal);
    expect(kept).toEqual(['a']);
  });
});

it('what is no feed is a failure, an empty one is none', async () => {
  await expect(taker().take(Buffer.from('<html/>'), signal)).rejects.toThrow(/nothing that can be read/);
  expect((await taker().take(feed(''), signal)).isWhole).toBe(true);
});
