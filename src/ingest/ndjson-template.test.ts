import { describe, expect, it } from 'vitest';
import { END, learnTemplate, Slot } from './ndjson-template.ts';

describe('Slot', () => {
  it.each(Array.from({ length: 40 }, (_, i) => i + 1))('knows its %i bytes and no others', (length) => {
    const fixed = Buffer.from(Array.from({ length }, (_, i) => 33 + i));
    const slot = new Slot(fixed, END, -1, undefined);
    const line = Buffer.concat([Buffer.from('012345678'), fixed, Buffer.from('0')]);
    const view = new DataView(line.buffer, line.byteOffset, line.length);
    const stands = (): boolean => slot.standsAt(view, 9, 9 + length);
    expect(stands()).toBe(true);
    for (let at = 9; at < 9 + length; at++) {
      const before = line[at] as number;
      for (const other of [0, before ^ 1, before ^ 0x80, 0xff]) {
        line[at] = other;
        expect(stands()).toBe(false);
      }
      line[at] = before;
    }
    // What stands around them does not count.
    line[8] = 0xff;
    line[9 + length] = 0xff;
    expect(stands()).toBe(true);
  });
});

describe('learnTemplate', () => {
  const line = (rest: string, values = '"rainfall":1') =>
    Buffer.from(`{"station":"A","observedAt":"2024-04-30T06:00:00Z",${rest}"values":{${values}}}`);

  it.each([
    ['escapes', line('"a":"\\n",')],
    ['letters beyond ASCII', line('"a":"é",')],
    ['arrays', line('"a":[1],')],
    ['no station', Buffer.from('{"observedAt":"2024-04-30T06:00:00Z","values":{"rainfall":1}}')],
    ['an interval that is none', line('"interval":"PT0S",')],
    ['a quantity unknown', line('', '"rain":1')],
    ['a unit of another quantity', line('', '"rainfall":{"value":1,"unit":"degF"}')],
    ['over 8 KiB', line(`"a":"${'x'.repeat(8200)}",`)],
  ])('leaves %s to the strict path', (_, bytes) => expect(learnTemplate(bytes)).toBeUndefined());

  it('finds the slots in the order of the line and the quantities in the order of the table', () => {
    const template = learnTemplate(
      line('"interval":"PT10M",', '"windGust":{"unit":"km/h","value":1},"rainfall":1'),
    );
    expect(template).toMatchObject({
      intervalMs: 600_000,
      offsetMs: 0,
      quantities: ['rainfall', 'windGust'],
    });
    expect(template?.slots.map(({ place }) => place)).toEqual([-1, -1, 1, 0, -1]);
  });
});
