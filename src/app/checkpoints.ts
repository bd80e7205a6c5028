import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type FoldSnapshot, foldVersion } from '../stream/fold.ts';
import { decodeCheckpoint, packCheckpoint, sealCheckpoint } from './checkpoint-codec.ts';

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

const NAME = /^(\d+)-(\d+)\.ckpt$/;

/**
 * Checkpoints as files `<partition>-<offset>.ckpt` (docs/formats/checkpoint.md). Written beside and renamed, so that a
 * crash leaves the old one. A damaged one, or one of another fold version, is passed over and told.
 */
export class CheckpointStore {
  readonly #directory: string;
  readonly #foldVersion: number;
  readonly #onPassedOver: (file: string, flaw: CheckpointFlaw) => void;
  readonly #offsets = new Map<number, number[]>();

  private constructor(
    directory: string,
    onPassedOver: (file: string, flaw: CheckpointFlaw) => void,
    options: CheckpointOptions,
  ) {
    this.#directory = directory;
    this.#onPassedOver = onPassedOver;
    this.#foldVersion = options.foldVersion ?? foldVersion;
  }

  static async open(
    directory: string,
    onPassedOver: (file: string, flaw: CheckpointFlaw) => void,
    options: CheckpointOptions = {},
  ): Promise<CheckpointStore> {
    await mkdir(directory, { recursive: true });
    const store = new CheckpointStore(directory, onPassedOver, options);
    for (const file of await readdir(directory)) {
      const match = NAME.exec(file);
      if (match) store.#note(Number(match[1]), Number(match[2]));
      else if (file.endsWith('.tmp')) await rm(join(directory, file));
    }
    return store;
  }

  #note(partition: number, offset: number): void {
    const offsets = (this.#offsets.get(partition) ?? []).filter((known) => known !== offset);
    this.#offsets.set(
      partition,
      [...offsets, offset].sort((a, b) => a - b),
    );
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
  async writeSealed(partition: number, offset: number, bytes: Uint8Array): Promise<void> {
    const path = this.#path(partition, offset);
    const file = await open(`${path}.tmp`, 'w');
    try {
      await file.writeFile(bytes);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${path}.tmp`, path);
    this.#note(partition, offset);
  }

  /** The newest readable checkpoint at or below `offset` of the present fold version. */
  async newest(partition: number, offset: number): Promise<Checkpoint | undefined> {
    for (const known of [...(this.#offsets.get(partition) ?? [])].reverse()) {
      if (known > offset) continue;
      const snapshot = await this.#read(this.#path(partition, known));
      if (snapshot) return { partition, offset: known, snapshot };
    }
    return undefined;
  }

  /** The bytes of the newest checkpoint at or below `offset`, for another thread to decode; null when they cannot be read. */
  async newestSealed(
    partition: number,
    offset: number,
  ): Promise<{ readonly offset: number; readonly bytes: Uint8Array | null } | undefined> {
    const found = this.#offsets.get(partition)?.findLast((known) => known <= offset);
    if (found === undefined) return undefined;
    return { offset: found, bytes: await readFile(this.#path(partition, found)).catch(() => null) };
  }

  /** Tells that another thread could not use a checkpoint. */
  passOver(partition: number, offset: number, flaw: CheckpointFlaw): void {
    this.#onPassedOver(this.#path(partition, offset), flaw);
  }

  /** Version of the fold that reads and writes. */
  get foldVersion(): number {
    return this.#foldVersion;
  }

  async #read(path: string): Promise<FoldSnapshot | undefined> {
    try {
      const snapshot = await decodeCheckpoint(await readFile(path));
      if (snapshot.foldVersion === this.#foldVersion) return snapshot;
      this.#onPassedOver(path, { foldVersion: snapshot.foldVersion });
    } catch {
      this.#onPassedOver(path, 'damaged');
    }
    return undefined;
  }

  #path(partition: number, offset: number): string {
    return join(this.#directory, `${partition}-${offset}.ckpt`);
  }

  /**
   * Keeps the two newest, the newest at or below each of the positions, and around the position that every sink would
   * fall back to (`durableOffset`, where there is one) the newest at or below and the oldest above; removes the rest.
   * The one above is what that position will stand on when it moves on: without it the log could never be trimmed.
   */
  async thin(
    partition: number,
    positions: readonly number[],
    durableOffset?: number,
  ): Promise<readonly number[]> {
    const offsets = this.#offsets.get(partition) ?? [];
    const below = positions.map((position) => offsets.findLast((offset) => offset <= position));
    if (durableOffset !== undefined) {
      below.push(offsets.findLast((offset) => offset <= durableOffset));
      below.push(offsets.find((offset) => offset > durableOffset));
    }
    const keep = new Set([...offsets.slice(-2), ...below.filter((offset) => offset !== undefined)]);
    for (const offset of offsets)
      if (!keep.has(offset)) await rm(this.#path(partition, offset), { force: true });
    const kept = [...keep].sort((a, b) => a - b);
    // What was written meanwhile stays.
    const since = (this.#offsets.get(partition) ?? []).filter((offset) => !offsets.includes(offset));
    this.#offsets.set(
      partition,
      [...kept, ...since].sort((a, b) => a - b),
    );
    return kept;
  }

  /**
   * Keeps the two newest, the newest at or below `durableOffset` (what every sink holds durably) and at or below each of
   * `positions`; removes the rest. Returns the oldest kept offset: the log needs everything from there.
   */
  async prune(partition: number, durableOffset: number, positions: readonly number[] = []): Promise<number> {
    const kept = await this.thin(partition, positions, durableOffset);
    // Without one that every sink has passed, a recovery would need the log from its beginning.
    return kept.some((offset) => offset <= durableOffset) ? Math.min(...kept) : 0;
  }
}
