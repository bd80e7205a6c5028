import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AtalaiaError } from '../../../lib/errors.ts';
import { hasPayloads, needsPayloads, payload } from '../../formats/fixture.ts';
import { notificationOf } from './fixture.ts';
import { inlineData, isNotification, readNotification } from './notification.ts';

describe(`published examples${needsPayloads}`, () => {
  test.runIf(hasPayloads)('a point with content and a link', () => {
    const body = payload('wis2/example1.json');
    expect(isNotification(body)).toBe(true);
    expect(readNotification(body)).toEqual({
      id: '31e9d66a-cd83-4174-9429-b932f1abe1be',
      dataId: 'dataset/123/data-granule/UANT01_CWAO_200445___15103.bufr4',
      publishedAt: Date.parse('2022-03-20T04:50:18Z'),
      station: undefined,
      places: ['https://example.org/data/4Pubsub/92c557ef-d28e-4713-91af-2e2e7be6f8ab.bufr4'],
      isDeletion: false,
      type: 'application/bufr',
      integrity: { method: 'sha512', value: 'A2KNxvks...S8qfSCw==' },
      content: { encoding: 'utf-8', value: 'encoded bytes from the file', size: 457 },
    });
    // Its content is a placeholder: neither size nor checksum are those of the text.
    expect(() => inlineData(readNotification(body))).toThrow(/size is 457, but 27 bytes came/);
  });

  test.runIf(hasPayloads)('an area without content, and data of no place', () => {
    expect(readNotification(payload('wis2/example2.json'))).toMatchObject({
      type: 'application/grib',
      content: undefined,
    });
    expect(readNotification(payload('wis2/example3.json'))).toMatchObject({
      integrity: undefined,
      type: undefined,
      places: ['https://example.org/92c557ef-d28e-4713-91af-2e2e7be6f8ab.txt'],
    });
  });
});

describe('content', () => {
  const text = 'Chuva: 12,4 mm, 27 °C';
  const size = Buffer.byteLength(text);
  test.each([
    ['utf-8', text],
    ['base64', Buffer.from(text).toString('base64')],
    ['gzip', gzipSync(text).toString('base64')],
  ])('in %s is what was announced', (encoding, value) => {
    const read = readNotification(notificationOf(text, undefined, { content: { encoding, value, size } }));
    expect(Buffer.from(inlineData(read) ?? []).toString()).toBe(text);
  });

  test.each(['sha256', 'sha384', 'sha512', 'sha3-256', 'sha3-384', 'sha3-512'])(
    'one byte that differs is told by %s',
    (method) => {
      const value = createHash(method).update(text).digest('base64');
      const of = (content: string) =>
        inlineData(
          readNotification(
            notificationOf(text, undefined, {
              integrity: { method, value },
              content: { encoding: 'utf-8', value: content },
            }),
          ),
        );
      expect(of(text)).toBeDefined();
      expect(() => of(text.replace('4', '5'))).toThrow(`have not the ${method}`);
    },
  );

  test('that would unpack to too much is refused', () => {
    const value = gzipSync(Buffer.alloc(9 << 20)).toString('base64');
    const read = readNotification(notificationOf('', undefined, { content: { encoding: 'gzip', value } }));
    expect(() => inlineData(read)).toThrow(expect.objectContaining({ code: 'ATL_TOO_LARGE' }));
  });
});

test.each([
  [{ data_id: 7 }, /properties.data_id is expected/],
  [{ pubtime: 'yesterday' }, /pubtime is no instant/],
  [{ data_id: 'x'.repeat(2001) }, /over 2000 letters/],
  [{ integrity: { method: 'md5', value: 'x' } }, /one of the methods sha256/],
])('properties %j are refused', (more, reason) => {
  expect(() => readNotification(notificationOf('', undefined, more))).toThrow(reason);
});

test('whatever the JSON is, it is read or refused, never more', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (text) => {
      try {
        readNotification(Buffer.from(text));
      } catch (error) {
        expect(error).toBeInstanceOf(AtalaiaError);
      }
    }),
  );
});
