import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encode, type Values, type Written } from '../../../../test/bufr/encoder.ts';
import { headingOf } from './sections.ts';
import { elementOf } from './tables.ts';
import type { Value } from './values.ts';
import { subsetsOf } from './walk.ts';

/** Elements and values of each subset. */
function read(written: Written): (readonly [number, Value])[][] {
  const out: (readonly [number, Value])[][] = [];
  for (const { cells, lanes } of subsetsOf(headingOf(encode(written)), { left: 1_000_000 }))
    for (let lane = 0; lane < lanes; lane++)
      out.push(cells.map(({ element, values }) => [element.id, values[lane]] as const));
  return out;
}
const one = (descriptors: number[], values: Values): Value[] =>
  read({ descriptors, subsets: [values] })[0]?.map(([, value]) => value) ?? [];

describe('operators', () => {
  test('201 changes width, 202 scale, of numbers alone and until they end', () => {
    const ids = [201_132, 202_129, 12_101, 2001, 201_000, 202_000, 12_101];
    expect(one(ids, { 12101: [296_351, 29_635], 2001: [1] })).toEqual([296.351, 1, 296.35]);
  });

  test('203 gives reference values of its own, also below zero', () => {
    const ids = [203_008, 12_101, 203_255, 12_101, 203_000, 12_101];
    const bits = `10000101${(105).toString(2).padStart(16, '0')}${(105).toString(2).padStart(16, '0')}`;
    expect(readBits(ids, bits)).toEqual([1, 1.05]);
  });

  test('204 puts a field before each value, which is not part of it', () => {
    const ids = [204_002, 31_021, 12_101, 204_000, 12_101];
    const subsets = [{ 31021: [2], 12101: [29_635, 29_700], [-12_101]: [3] }];
    const [group] = [...subsetsOf(headingOf(encode({ descriptors: ids, subsets })), { left: 100 })];
    expect(group?.cells.map(({ values, isSuspect }) => [values[0], isSuspect?.[0]])).toEqual([
      [2, undefined],
      [296.35, true],
      [297, undefined],
    ]);
  });

  test('205 is text in between, 206 an element of unknown meaning, both passed over', () => {
    const at = (29_635).toString(2).padStart(16, '0');
    expect(readBits([205_002, 12_101], `0100000101000010${at}`)).toEqual([296.35]);
    expect(readBits([206_005, 63_001, 12_101], `10101${at}`)).toEqual([296.35]);
  });

  test('207 changes scale, reference value and width together', () => {
    expect(one([207_001, 12_101, 207_000, 12_101], { 12101: [296_351, 29_635] })).toEqual([296.351, 296.35]);
    expect(one([207_002, 5002], { 5002: [(-15.7897 + 90) * 10_000] })[0]).toBeCloseTo(-15.7897, 4);
  });

  test('208 sets the length of texts', () => {
    expect(one([208_030, 1019, 208_000, 1015], { 1019: ['Estação do Pico'], 1015: ['x'] })).toEqual([
      'Esta  o do Pico',
      'x',
    ]);
  });

  test.each([
    [[222_000], /operator 222000 is not read here/],
    [[12_101, 48_001], /descriptor 048001 is not in the tables here/],
    [[201_100, 12_101], /element 012101 has a width of -12 bits/],
    [[204_000], /operator 204000 ends an associated field/],
    [[105_001, 12_101], /replication 105001 is not followed/],
    [[206_005, 301_001], /operator 206 is followed by 301001/],
  ])('%j are told with the place', (descriptors, why) => {
    expect(() => readBits(descriptors, '0'.repeat(400))).toThrow(why);
    expect(() => readBits(descriptors, '0'.repeat(400))).toThrow(/section 4, byte \d/);
  });
});

/** Values of a message whose data are these bits. */
function readBits(descriptors: readonly number[], bits: string): Value[] {
  const bytes = (bits.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2));
  const heading = { subsets: 1, isCompressed: false, descriptors, data: Buffer.from([0, 0, 0, 0, ...bytes]) };
  return [...subsetsOf(heading, { left: 1000 })].flatMap(({ cells }) => cells.map(({ values }) => values[0]));
}

describe('replication', () => {
  test('is as often as the data say, within another too', () => {
    const ids = [103_000, 31_001, 101_000, 31_000, 12_101];
    expect(one(ids, { 31001: [3], 31000: [1, 0, 1], 12101: [29_000, 29_100] })).toEqual([290, 291]);
  });

  test('of compressed subsets is the same for all', () => {
    const subsets = [{ 31001: [2] }, { 31001: [1], 12101: [3] }];
    expect(() => read({ descriptors: [101_000, 31_001, 12_101], subsets, isCompressed: true })).toThrow(
      /do not repeat the same number of times/,
    );
  });
});

test.each([
  ['replications of what takes no bits', [104_255, 103_255, 102_255, 101_255, 201_000], false],
  ['subsets that are all alike', [102_255, 101_255, 12_101], true],
])('a few bytes cannot stand for endless values: %s', (_, descriptors, isCompressed) => {
  const heading = { subsets: 5000, isCompressed, descriptors, data: Buffer.alloc(100_000) };
  expect(() => [...subsetsOf(heading, { left: 1_000_000 })]).toThrow(/too many values/);
});

test('more than 10,000 subsets are refused', () => {
  const heading = { subsets: 10_001, isCompressed: true, descriptors: [12_101], data: Buffer.alloc(100) };
  expect(() => [...subsetsOf(heading, { left: 1_000_000 })]).toThrow(/10001 subsets; 10000 are read at most/);
});

const ids = [1015, 4024, 5001, 10_004, 12_101, 13_011, 20_011, 20_001];
const given = (id: number): fc.Arbitrary<number | string | null> => {
  const { kind = 'number', width = 1 } = elementOf(id) ?? {};
  const value: fc.Arbitrary<number | string> =
    kind === 'text'
      ? fc.stringMatching(/^[A-Za-z]{1,8}$/)
      : fc.nat({ max: Math.min(2 ** width - 2, 2 ** 31 - 1) });
  return fc.option(value, { freq: 4 });
};
const subset = fc
  .tuple(...ids.map((id) => given(id).map((value) => [id, [value]] as const)))
  .map((entries): Values => Object.fromEntries(entries));

test('what is written is read again, compressed or not, in either edition', () => {
  const subsets = fc.array(subset, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(subsets, fc.boolean(), fc.constantFrom(3, 4), (many, isCompressed, edition) => {
      const found = read({ descriptors: ids, subsets: many, isCompressed, edition: edition as 3 | 4 });
      const expected = many.map((values) =>
        ids.map((id) => {
          const value = values[id]?.[0] ?? undefined;
          const { scale = 0, reference = 0 } = elementOf(id) ?? {};
          return [id, typeof value === 'number' ? Number(`${value + reference}e${-scale}`) : value];
        }),
      );
      expect(found).toEqual(expected);
    }),
  );
});
