import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32c } from '../lib/crc32c.ts';
import { type FoldSnapshot, foldVersion } from '../stream/fold.ts';

/** The fold's state of a partition before the record at `offset`. */
export interface Checkpoint {
  readonly partition: number;
  readonly offset: number;
  readonly snapshot: FoldSnapshot;
}

const NAME = /^(\d+)-(\d+)\.ckpt$/;

/**
 * Checkpoints as files `<partition>-<offset>.ckpt`: a line with the CRC-32C of the rest, then JSON (docs/formats/checkpoint.md).
 * Written beside and renamed, so that a crash leaves the old one. A damaged one is passed over and told.
 */
export class CheckpointStore {
  readonly #directory: string;
  readonly #onDamaged: (file: string) => void;
  readonly #offsets = new Map<number, number[]>();

  private constructor(directory: string, onDamaged: (file: string) => void) {
    this.#directory = directory;
    this.#onDamaged = onDamaged;
  }

  static async open(directory: string, onDamaged: (file: string) => void): Promise<CheckpointStore> {
    await mkdir(directory, { recursive: true });
    const store = new CheckpointStore(directory, onDamaged);
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

  async write({ partition, offset, snapshot }: Checkpoint): Promise<void> {
    const body = Buffer.from(JSON.stringify(snapshot));
    const path = join(this.#directory, `${partition}-${offset}.ckpt`);
    const file = await open(`${path}.tmp`, 'w');
    try {
      await file.writeFile(
        Buffer.concat([Buffer.from(`${crc32c(body).toString(16).padStart(8, '0')}\n`), body]),
      );
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
      const snapshot = await this.#read(join(this.#directory, `${partition}-${known}.ckpt`));
      if (snapshot) return { partition, offset: known, snapshot };
    }
    return undefined;
  }

  async #read(path: string): Promise<FoldSnapshot | undefined> {
    try {
      const bytes = await readFile(path);
      const body = bytes.subarray(9);
      if (bytes.toString('latin1', 0, 8) !== crc32c(body).toString(16).padStart(8, '0'))
        throw new Error('checksum');
      const snapshot = JSON.parse(body.toString('utf8')) as FoldSnapshot;
      return snapshot.foldVersion === foldVersion ? snapshot : undefined;
    } catch {
      this.#onDamaged(path);
      return undefined;
    }
  }

  /**
   * Keeps the two newest and the newest at or below what every sink holds durably; removes the rest.
   * Returns the oldest kept offset: the log needs everything from there.
   */
  async prune(partition: number, durableOffset: number): Promise<number> {
    const offsets = this.#offsets.get(partition) ?? [];
    const below = offsets.filter((offset) => offset <= durableOffset).at(-1);
    const keep = new Set([...offsets.slice(-2), ...(below === undefined ? [] : [below])]);
    for (const offset of offsets) {
      if (!keep.has(offset)) await rm(join(this.#directory, `${partition}-${offset}.ckpt`), { force: true });
    }
    this.#offsets.set(
      partition,
      [...keep].sort((a, b) => a - b),
    );
    // Without one that every sink has passed, a recovery would need the log from its beginning.
    return below === undefined ? 0 : Math.min(...keep);
  }
}
