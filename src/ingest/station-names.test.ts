import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StationNames } from './station-names.ts';

const find = (names: StationNames, text: string): string | undefined => {
  const place = names.find(Buffer.from(`xx${text}`), 2);
  return place < 0 ? undefined : names.names[place];
};

describe('StationNames', () => {
  it('gives one string for one name, in any order, through growth', () => {
    const names = new StationNames();
    const ids = Array.from({ length: 5000 }, (_, i) => `S${i}`);
    for (const id of ids) expect(find(names, `${id}"`)).toBe(id);
    for (const id of ids.toReversed()) expect(find(names, `${id}"`)).toBe(id);
    for (const id of ids) expect(find(names, `${id}"`)).toBe(id);
    expect(names.names).toHaveLength(5000);
  });

  it('starts anew when it is full, and forgets the notes', () => {
    const names = new StationNames();
    const count = 2 ** 18;
    for (let i = 0; i <= count; i++) names.find(Buffer.from(`T${i}"`), 0);
    expect(names.names).toEqual([`T${count}`]);
    expect(names.notes).toEqual([Number.NaN]);
    expect(find(names, 'T7"')).toBe('T7');
  });

  it.each(['"', 'a b"', 'é"', 'A\0"', 'A', 'A\\"', `${'x'.repeat(65)}"`, 'A\n"', ''])(
    '%j is no name',
    (text) => {
      const names = new StationNames();
      for (const known of ['A"', 'x"', `${'x'.repeat(64)}"`]) find(names, known);
      expect(find(names, text)).toBeUndefined();
    },
  );

  it('takes what the contract takes, whatever came before', () => {
    const names = new StationNames();
    const text = fc.string({
      unit: fc.constantFrom('A', 'B', 'a', '0', '.', '_', ':', '-', ' ', '\\', '\0'),
      maxLength: 6,
    });
    fc.assert(
      fc.property(text, (name) => {
        expect(find(names, `${name}"`)).toBe(/^[A-Za-z0-9._:-]{1,64}$/.test(name) ? name : undefined);
      }),
      { numRuns: 5000 },
    );
  });
});
