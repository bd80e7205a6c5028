import type { Checkpoint, CheckpointStore } from '../../src/app/checkpoints/checkpoints.ts';

/** Checkpoints on shared storage, whole or absent; every one ever written is kept for the checkers. */
export class CheckpointMedium {
  readonly kept = new Map<number, Map<number, string>>();
  readonly written: { readonly partition: number; readonly offset: number; readonly json: string }[] = [];
}

/** What the processor asks of its checkpoint store. */
export type Checkpoints = Pick<CheckpointStore, 'newest' | 'write' | 'thin' | 'prune'>;

export class ModelCheckpoints implements Checkpoints {
  readonly #medium: CheckpointMedium;
  /** A planted fault: the bound that the sinks' positions give is not kept. */
  readonly #ignoresPosition: boolean;

  constructor(medium: CheckpointMedium, ignoresPosition: boolean) {
    this.#medium = medium;
    this.#ignoresPosition = ignoresPosition;
  }

  #of(partition: number): Map<number, string> {
    const all = this.#medium.kept.get(partition) ?? new Map<number, string>();
    this.#medium.kept.set(partition, all);
    return all;
  }

  async write({ partition, offset, snapshot }: Checkpoint): Promise<number> {
    const json = JSON.stringify(snapshot);
    this.#of(partition).set(offset, json);
    this.#medium.written.push({ partition, offset, json });
    return 0;
  }

  async newest(partition: number, offset: number): Promise<Checkpoint | undefined> {
    const below = this.#offsets(partition).filter((known) => known <= offset || this.#ignoresPosition);
    const found = below.at(-1);
    if (found === undefined) return undefined;
    const json = this.#of(partition).get(found) as string;
    return { partition, offset: found, snapshot: JSON.parse(json) as Checkpoint['snapshot'] };
  }

  async thin(
    partition: number,
    positions: readonly number[],
    durableOffset?: number,
  ): Promise<readonly number[]> {
    const offsets = this.#offsets(partition);
    const below = [...positions, ...(durableOffset === undefined ? [] : [durableOffset])];
    const above = durableOffset === undefined ? undefined : offsets.find((offset) => offset > durableOffset);
    const found = below.map((position) => offsets.findLast((offset) => offset <= position));
    const keep = new Set([...offsets.slice(-2), ...found, above]);
    for (const offset of offsets) if (!keep.has(offset)) this.#of(partition).delete(offset);
    return this.#offsets(partition);
  }

  async prune(partition: number, durableOffset: number, positions: readonly number[] = []): Promise<number> {
    const kept = await this.thin(partition, positions, durableOffset);
    return kept.some((offset) => offset <= durableOffset) ? Math.min(...kept) : 0;
  }

  #offsets(partition: number): number[] {
    return [...this.#of(partition).keys()].sort((a, b) => a - b);
  }
}
