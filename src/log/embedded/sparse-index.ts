const FIRST_SPACING = 64 * 1024;
const MAX_ENTRIES = 1 << 20;

interface Points {
  readonly offsets: number[];
  readonly positions: number[];
}

/**
 * For each segment and partition, the file position of a record every so many bytes of the stream. Bounded: when
 * there are too many points, every second one goes and the spacing doubles.
 */
export class SparseIndex {
  #spacing: number;
  readonly #maxEntries: number;
  #entries = 0;
  readonly #segments = new Map<number, Map<number, Points>>();

  constructor(spacing = FIRST_SPACING, maxEntries = MAX_ENTRIES) {
    this.#spacing = spacing;
    this.#maxEntries = maxEntries;
  }

  get entries(): number {
    return this.#entries;
  }

  /** Tells of a record; called in the order of the stream. */
  note(segment: number, partition: number, offset: number, position: number): void {
    let partitions = this.#segments.get(segment);
    if (!partitions) {
      partitions = new Map();
      this.#segments.set(segment, partitions);
    }
    let points = partitions.get(partition);
    if (!points) {
      points = { offsets: [], positions: [] };
      partitions.set(partition, points);
    }
    const last = points.positions.at(-1);
    if (last !== undefined && position - last < this.#spacing) return;
    points.offsets.push(offset);
    points.positions.push(position);
    if (++this.#entries > this.#maxEntries) this.#thin();
  }

  /** Position of a record of this partition at or before `offset`; undefined when none is known. */
  find(segment: number, partition: number, offset: number): number | undefined {
    const points = this.#segments.get(segment)?.get(partition);
    if (!points) return undefined;
    let low = 0;
    let high = points.offsets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (points.offsets[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? undefined : points.positions[low - 1];
  }

  forget(segment: number): void {
    for (const points of this.#segments.get(segment)?.values() ?? []) this.#entries -= points.offsets.length;
    this.#segments.delete(segment);
  }

  #thin(): void {
    this.#spacing *= 2;
    this.#entries = 0;
    for (const partitions of this.#segments.values()) {
      for (const points of partitions.values()) {
        for (const list of [points.offsets, points.positions]) {
          for (let index = 2; index < list.length; index += 2) list[index / 2] = list[index]!;
          list.length = Math.ceil(list.length / 2);
        }
        this.#entries += points.offsets.length;
      }
    }
  }
}
