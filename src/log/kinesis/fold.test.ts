import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeAnchor, encodeAnchor } from './anchors.ts';
import { type Chunk, cutIntoChunks, decodeChunk, encodeChunk, encodeItems } from './chunk.ts';
import { emptyState, foldChunk, MAX_PRODUCERS } from './fold.ts';
import { hashKeyOf, partitionsOf } from './shards.ts';

const producer = (i: number): string => i.toString(16).padStart(32, '0');
const frame = (from: number, sequence: number, texts: readonly string[], maxBody = 1000): readonly Chunk[] =>
  cutIntoChunks(
    0,
    producer(from),
    sequence,
    encodeItems(texts.map((key) => ({ key, payload: Buffer.from(key) }))),
    maxBody,
  );

/** Folds chunks; returns the keys in the order of their offsets. */
function foldAll(chunks: readonly Chunk[]): string[] {
  const state = emptyState();
  const keys: string[] = [];
  for (const chunk of chunks) {
    const base = state.next;
    foldChunk(state, chunk, 0).forEach(({ key }, i) => {
      keys[base + i] = key;
    });
  }
  expect(state.next).toBe(keys.length);
  return keys;
}

test('chunks survive their encoding, and a changed byte is noticed', () => {
  fc.assert(
    fc.property(
      fc.nat(65535),
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(),
      fc.nat(),
      (partition, body, n, at) => {
        const chunk = {
          partition,
          producer: producer(n),
          sequence: n,
          isFirst: true,
          isLast: n % 2 === 0,
          body: Buffer.from(body),
        };
        const bytes = encodeChunk(chunk);
        expect(decodeChunk(bytes)).toEqual(chunk);
        bytes[8 + (at % (bytes.length - 8))]! ^= 1;
        expect(decodeChunk(bytes)).toBeUndefined();
      },
    ),
  );
});

test('however chunks of producers interleave and repeat, each frame counts once, whole, in its producer’s order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ who: fc.nat(2), repeats: fc.nat(2), size: fc.integer({ min: 1, max: 5 }) }), {
        maxLength: 30,
      }),
      fc.infiniteStream(fc.nat(2)),
      (frames, choice) => {
        const lanes: Chunk[][] = [[], [], []];
        const sequences = [0, 0, 0];
        const expected: string[][] = [[], [], []];
        frames.forEach(({ who, repeats, size }, f) => {
          const texts = Array.from({ length: size }, (_, i) => `${who}-${f}-${i}`);
          const chunks = frame(who, sequences[who]!, texts, 20);
          sequences[who]! += chunks.length;
          expected[who]!.push(...texts);
          for (const chunk of chunks) for (let i = 0; i <= repeats; i++) lanes[who]!.push(chunk);
        });
        const order: Chunk[] = [];
        while (lanes.some((lane) => lane.length > 0)) {
          const lane = lanes[choice.next().value]!;
          if (lane.length > 0) order.push(lane.shift()!);
        }
        const keys = foldAll(order);
        for (const who of [0, 1, 2])
          expect(keys.filter((key) => key.startsWith(`${who}-`))).toEqual(expected[who]);
      },
    ),
  );
});

test('a frame that was given up counts nothing, and one that comes late is dropped behind a newer one', () => {
  const [a1] = frame(1, 0, ['a', 'b', 'c', 'd'], 20);
  const late = frame(1, 5, ['late'])[0]!;
  expect(foldAll([a1!, ...frame(1, 6, ['next']), late])).toEqual(['next']);
  const state = emptyState();
  for (let i = 0; i < MAX_PRODUCERS + 50; i++) foldChunk(state, frame(i, 0, ['x'])[0]!, 0);
  expect(state.producers.size).toBe(MAX_PRODUCERS);
});

test('an anchor carries offsets and producers, in their order', () => {
  const state = emptyState(7);
  for (const i of [3, 1, 2]) foldChunk(state, frame(i, i, ['x'])[0]!, 0);
  const anchor = { shard: 's', sequence: '12', isFolded: true, at: 5, states: new Map([[4, state]]) };
  const decoded = decodeAnchor('k', encodeAnchor(anchor));
  expect(decoded).toEqual(anchor);
  expect([...decoded.states.get(4)!.producers]).toEqual([...state.producers]);
});

test('every partition has one hash key, and shards that cut the range in any place hold each once', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.bigInt({ min: 1n, max: (1n << 128n) - 1n }),
      (partitions, cut) => {
        const shard = (from: bigint, to: bigint) => ({ id: '', from, to, parents: [] });
        const left = partitionsOf(shard(0n, cut - 1n), partitions);
        const right = partitionsOf(shard(cut, (1n << 128n) - 1n), partitions);
        expect([...left, ...right]).toEqual(Array.from({ length: partitions }, (_, p) => p));
        expect(hashKeyOf(partitions - 1, partitions)).toBeLessThan(1n << 128n);
      },
    ),
  );
});
