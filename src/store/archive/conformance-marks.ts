import { expect, test } from 'vitest';
import { HOUR_MS } from '../../model/time.ts';
import type { Archive, NeighbourMark } from './archive.ts';

const T0 = Date.UTC(2024, 3, 30);
const at = (hours: number): number => T0 + hours * HOUR_MS;

/** Marks of neighbours: what every archive engine must do. */
export function markTests(open: () => Archive): void {
  const mark = (hour: number, change: Partial<NeighbourMark> = {}): NeighbourMark => ({
    station: 'A801',
    quantity: 'airTemperature',
    from: at(hour),
    to: at(hour + 1),
    check: 'buddy',
    value: -3.125,
    ...change,
  });
  const keep = (marks: readonly NeighbourMark[], from: number, to: number, check = marks[0]?.check) =>
    open().keepMarks({ check: check ?? 'buddy', from: at(from), to: at(to), marks });
  const read = (station = 'A801', from = at(0), to = at(48)) => open().marks({ station, from, to });

  test('are read back by station, in order of time, quantity and check', async () => {
    expect(await read()).toEqual([]);
    const humid = mark(1, { quantity: 'relativeHumidity', value: 0 });
    await keep([mark(3), humid, mark(1), mark(2, { station: "it's" })], 0, 6);
    expect(await read()).toEqual([mark(1), humid, mark(3)]);
    expect(await read("it's")).toEqual([mark(2, { station: "it's" })]);
  });

  test('what the check said of these hours before gives way, and nothing else does', async () => {
    const rain = mark(2, { quantity: 'rainfall', check: 'high-influx', value: 140 });
    await keep([mark(0), mark(1), mark(2), mark(3)], 0, 4);
    await keep([rain], 0, 6);
    await keep([mark(2, { value: 1 })], 1, 3);
    await keep([mark(2, { value: 1 })], 1, 3);
    expect(await read()).toEqual([mark(0), mark(2, { value: 1 }), rain, mark(3)]);
    await keep([], 0, 6, 'buddy');
    expect(await read()).toEqual([rain]);
  });

  test('an hour is that of the readings after its start, up to its end', async () => {
    await keep([mark(1), mark(2)], 0, 6);
    expect(await read('A801', at(2), at(2) + 1)).toEqual([mark(1)]);
    expect(await read('A801', at(2) + 1, at(2) + 2)).toEqual([mark(2)]);
    expect(await read('A801', at(3) + 1, at(9))).toEqual([]);
    expect(await read('A801', at(0), at(1) + 1)).toEqual([]);
  });

  test('many are kept at once', async () => {
    const marks = Array.from({ length: 5000 }, (_, i) => mark(1, { station: `S${i}` }));
    await keep(marks, 1, 2);
    await keep(marks, 1, 2);
    expect(await read('S4999')).toEqual([mark(1, { station: 'S4999' })]);
  });
}
