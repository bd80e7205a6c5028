import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseInstant } from '../model/time.ts';
import { InstantReader } from './instant-reader.ts';

const read = (reader: InstantReader, text: string): number => {
  const bytes = Buffer.from(`..${text}Z`);
  return reader.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 2);
};
const two = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'));

describe('InstantReader', () => {
  it('reads what parseInstant reads, and no other', () => {
    const reader = new InstantReader();
    const text = fc
      .tuple(
        fc.constantFrom('2024', '2023', '1900', '1000', '9999'),
        two(13),
        two(32),
        two(25),
        two(60),
        two(59),
        fc.option(fc.tuple(fc.nat(18), fc.constantFrom('T', ' ', 'x', '9', '-', ':', '/'))),
      )
      .map(([y, mo, d, h, m, s, damage]) => {
        const plain = `${y}-${mo}-${d}T${h}:${m}:${s}`;
        return damage === null ? plain : plain.slice(0, damage[0]) + damage[1] + plain.slice(damage[0] + 1);
      });
    fc.assert(
      fc.property(text, (instant) => {
        const strict = instant[10] === 'T' ? parseInstant(`${instant}Z`) : undefined;
        expect(read(reader, instant)).toBe(strict ?? Number.NaN);
        // The same again, from what it remembers.
        expect(read(reader, instant)).toBe(strict ?? Number.NaN);
      }),
      { numRuns: 5000 },
    );
  });

  it('leaves second 60 and years below 1000 to the strict path', () => {
    const reader = new InstantReader();
    expect(read(reader, '2024-04-30T23:59:60')).toBeNaN();
    expect(read(reader, '0024-04-30T23:59:00')).toBeNaN();
    expect(read(reader, '2024-02-29T23:59:59')).toBe(Date.UTC(2024, 1, 29, 23, 59, 59));
  });
});
