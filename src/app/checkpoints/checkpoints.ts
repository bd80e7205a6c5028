import type { CheckpointMedium } from '../../store/ledger/checkpoint-medium.ts';
import { type FoldSnapshot, foldVersion } from '../../stream/fold.ts';
import { decodeCheckpoint, packCheckpoint, sealCheckpoint } from './codec.ts';
import { openCheckpointFiles } from './files.ts';

/** The fold's state of a partition before the record at `offset`. */
export interface Checkpoint {
  readonly partition: number;
  readonly offset: number;
  readonly snapshot: FoldSnapshot;
}

/** Why a checkpoint was passed over: damaged, or made by another version of the fold. */
export type CheckpointFlaw = 'damaged' | { readonly foldVersion: number };

export interface CheckpointOptions {
  /** Version of the fold that reads and writes; the present one unless given. */
  readonly foldVersion?: number;
}

/** Checkpoints with their checksums and versions. A damaged one, or one of another fold version, is passed over and told. */
export class CheckpointStore {
  readonly #medium: CheckpointMedium;
  readonly #foldVersion: number;
  readonly #onPassedOver: (name: string, flaw: CheckpointFlaw) => void;

  constructor(
    medium: CheckpointMedium,
    onPassedOver: (name: string, flaw: CheckpointFlaw) => void,
    options: CheckpointOptions = {},
  ) {
    this.#medium = medium;
    this.#onPassedOver = onPassedOver;
    this.#foldVersion = options.foldVersion ?? foldVersion;
  }

  /** Those that lie as files in a directory of this process. */
  static async open(
    directory: string,
    onPassedOver: (name: string, flaw: CheckpointFlaw) => void,
    options: CheckpointOptions = {},
  ): Promise<CheckpointStore> {
    return new CheckpointStore(await openCheckpointFiles(directory), onPassedOver, options);
  }

  /** Resolves, when the checkpoint is there, with the time that this thread spent on it, ms. */
  async write({ partition, offset, snapshot }: Checkpoint): Promise<number> {
    const begun = performance.now();
    const packed = packCheckpoint({ ...snapshot, foldVersion: this.#foldVersion });
    const spentMs = performance.now() - begun;
    await this.writeSealed(partition, offset, await sealCheckpoint(packed));
    return spentMs;
  }

  /** Resolves when the checkpoint, sealed already, is there. */
  writeSealed(partition: number, offset: number, bytes: Uint8Array): Promise<void> {
    return this.#medium.write(partition, offset, bytes);
  }

  /** The newest readable checkpoint at or below `offset` of the present fold version. */
  async newest(partition: number, offset: number): Promise<Checkpoint | undefined> {
    for (const known of [...(await this.#medium.offsets(partition))].reverse()) {
      if (known > offset) continue;
      const snapshot = await this.#read(partition, known);
      if (snapshot) return { partition, offset: known, snapshot };
    }
    return undefined;
  }

  /** The bytes of the newest checkpoint at or below `offset`, for another thread to decode; null when they cannot be read. */
  async newestSealed(
    partition: number,
    offset: number,
  ): Promise<{ readonly offset: number; readonly bytes: Uint8Array | null } | undefined> {
    const found = (await this.#medium.offsets(partition)).findLast((known) => known <= offset);
    if (found === undefined) return undefined;
    return { offset: found, bytes: (await this.#medium.read(partition, found)) ?? null };
  }

  /** Tells that another thread could not use a checkpoint. */
  passOver(partition: number, offset: number, flaw: CheckpointFlaw): void {
    this.#onPassedOver(this.#medium.nameOf(partition, offset), flaw);
  }

  /** Version of the fold that reads and writes. */
  get foldVersion(): number {
    return this.#foldVersion;
  }

  async #read(partition: number, offset: number): Promise<FoldSnapshot | undefined> {
    const bytes = await this.#medium.read(partition, offset);
    const snapshot = bytes && (await decodeCheckpoint(bytes).catch(() => undefined));
    if (snapshot?.foldVersion === this.#foldVersion) return snapshot;
    this.passOver(partition, offset, snapshot ? { foldVersion: snapshot.foldVersion } : 'damaged');
    return undefined;
  }

  /**
   * Keeps the two newest, the newest at or below each of the positions, and around the position that every sink would
   * fall back to (`durableOffset`, where there is one) the newest at or below and the oldest above; removes the rest.
   * The one above is what that position will stand on when it moves on: without it the log could never be trimmed.
   * `epoch`: under which the partition is held; where processes share the store, one that holds it no more removes none.
   */
  async thin(
    partition: number,
    positions: readonly number[],
    durableOffset?: number,
    epoch?: number,
  ): Promise<readonly number[]> {
    const offsets = await this.#medium.offsets(partition);
    const below = positions.map((position) => offsets.findLast((offset) => offset <= position));
    if (durableOffset !== undefined) {
      below.push(offsets.findLast((offset) => offset <= durableOffset));
      below.push(offsets.find((offset) => offset > durableOffset));
    }
    const keep = new Set([...offsets.slice(-2), ...below.filter((offset) => offset !== undefined)]);
    const surplus = offsets.filter((offset) => !keep.has(offset));
    if (surplus.length > 0) await this.#medium.remove(partition, surplus, epoch);
    return [...keep].sort((a, b) => a - b);
  }

  /**
   * Keeps the two newest, the newest at or below `durableOffset` (what every sink holds durably) and at or below each of
   * `positions`; removes the rest. Returns the oldest kept offset: the log needs everything from there.
   */
  async prune(
    partition: number,
    durableOffset: number,
    positions: readonly number[] = [],
    epoch?: number,
  ): Promise<number> {
    const kept = await this.thin(partition, positions, durableOffset, epoch);
    // Without one that every sink has passed, a recovery would need the log from its beginning.
    return kept.some((offset) => offset <= durableOffset) ? Math.min(...kept) : 0;
  }
}
