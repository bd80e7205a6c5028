import { expect, test } from 'vitest';
import { readForeign } from '../../alerts/foreign/document.ts';
import { openReader } from './reader.ts';
import { readAside } from './thread.ts';

const reader = openReader();
const BASE = 'https://met.example.org/feed.atom';
const link = (i: number): string =>
  `<entry><id>e${i}</id><title>t</title><updated>1</updated><link href="/m/${i}"/></entry>`;
const feed = (entries: number): Buffer =>
  Buffer.from(
    `<feed xmlns="http://www.w3.org/2005/Atom"><id>f</id><title>t</title><updated>1</updated>${Array.from({ length: entries }, (_, i) => link(i)).join('')}</feed>`,
  );

test('a large document gives the same in a thread of its own', async () => {
  const { signal } = new AbortController();
  for (const bytes of [feed(2), feed(1500)])
    expect(await readAside(reader, bytes, BASE, signal)).toEqual(readForeign(reader, bytes, BASE));
  // The reader that was given is asked for small ones alone.
  const none = { read: () => Promise.reject(new Error('asked')) } as never;
  expect((await readAside(none, feed(1500), BASE, signal)).links.length).toBe(1500);
});

test('the end of the source ends the thread', async () => {
  const stopping = new AbortController();
  const reading = readAside(reader, feed(1500), BASE, stopping.signal);
  stopping.abort();
  await expect(reading).rejects.toThrow(/could not be read/);
  await expect(readAside(reader, feed(1500), BASE, stopping.signal)).rejects.toThrow();
});
