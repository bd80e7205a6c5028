import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LogEntry } from '../../log/log.ts';
import { packChunk, readChunk } from './chunk.ts';

const entries = fc
  .array(fc.tuple(fc.nat(1000), fc.uint8Array({ maxLength: 40 })), { maxLength: 30 })
  .map((all): LogEntry[] => {
    // Offsets rise, above 32 bits too, and may leave some out.
    let offset = 2 ** 40;
    return all.map(([gap, payload]) => {
      offset += 1 + gap;
      return { partition: 3, offset, key: 'x', payload };
    });
  });

it('a chunk gives back offsets and payloads', () => {
  fc.assert(
    fc.property(entries, (given) => {
      const read = [...readChunk(packChunk(given), given.length)];
      expect(read.map(({ offset }) => offset)).toEqual(given.map(({ offset }) => offset));
      expect(read.map(({ payload }) => [...payload])).toEqual(given.map(({ payload }) => [...payload]));
    }),
  );
});

it('a chunk that was cut is refused', () => {
  const chunk = packChunk([{ partition: 0, offset: 1, key: 'x', payload: Uint8Array.of(1, 2, 3) }]);
  expect(() => [...readChunk(chunk.slice(0, -1), 1)]).toThrow(/longer than its buffer/);
});
