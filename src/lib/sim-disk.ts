import type { Disk, DiskFile } from './disk.ts';
import type { Random } from './random.ts';

export type SimDiskOperation =
  | 'write'
  | 'datasync'
  | 'read'
  | 'rename'
  | 'remove'
  | 'truncate'
  | 'syncDirectory'
  | 'open';

interface Content {
  bytes: Uint8Array;
  /** What the medium holds; `bytes` is what reads see. */
  durable: Uint8Array;
  dirty: Set<number>;
}
interface Change {
  readonly directory: string;
  apply(names: Map<string, Content>): void;
}
interface Injection {
  readonly operation: SimDiskOperation;
  readonly code: string;
  left: number;
  times: number;
}

const directoryOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));

function failure(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: simulated failure of ${what}`), { code });
}

function resized(bytes: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  out.set(bytes.subarray(0, length));
  return out;
}

/**
 * A disk in memory, seeded by `random`, that forgets like a real one: on {@link SimDisk.crash} each page that was not
 * synced is kept, lost or torn on its own, and changes of names that were not synced survive only up to some point.
 */
export class SimDisk implements Disk {
  readonly #random: Random;
  readonly #pageBytes: number;
  #names = new Map<string, Content>();
  #durableNames = new Map<string, Content>();
  #changes: Change[] = [];
  #injections: Injection[] = [];
  #dead = false;

  constructor(random: Random, pageBytes = 4096) {
    this.#random = random;
    this.#pageBytes = pageBytes;
  }

  /** Makes the `nth` call (from 1, counted from now) of an operation fail with `code`, and `times - 1` calls after it. */
  inject(operation: SimDiskOperation, nth: number, code: 'EIO' | 'ENOSPC', times = 1): void {
    this.#injections.push({ operation, code, left: nth - 1, times });
  }

  /** Ends every injected failure: space was freed, the cable is back. */
  heal(): void {
    this.#injections = [];
  }

  /** Turns one bit over, on the medium and in what reads see. */
  flipBit(path: string, byte: number, bit: number): void {
    const content = this.#content(path);
    for (const bytes of [content.bytes, content.durable]) {
      if (byte < bytes.length) bytes[byte] = bytes[byte]! ^ (1 << bit);
    }
  }

  /** The power goes: this disk answers nothing more; the one returned holds what survived. */
  crash(): SimDisk {
    this.#dead = true;
    const names = new Map(this.#durableNames);
    for (const directory of new Set(this.#changes.map((change) => change.directory))) {
      const changes = this.#changes.filter((change) => change.directory === directory);
      const kept = Math.floor(this.#random() * (changes.length + 1));
      for (const change of changes.slice(0, kept)) change.apply(names);
    }
    const after = this.#empty();
    for (const [path, content] of names) after.#put(path, this.#survivor(content));
    return after;
  }

  /** An independent copy with everything durable; for trying many damages on one log. */
  copy(): SimDisk {
    const after = this.#empty();
    for (const [path, content] of this.#names) after.#put(path, content.bytes.slice());
    return after;
  }

  #empty(): SimDisk {
    return new SimDisk(this.#random, this.#pageBytes);
  }

  #put(path: string, bytes: Uint8Array): void {
    const content: Content = { bytes, durable: bytes.slice(), dirty: new Set() };
    this.#names.set(path, content);
    this.#durableNames.set(path, content);
  }

  #survivor({ bytes, durable, dirty }: Content): Uint8Array {
    const sizes = [
      durable.length,
      bytes.length,
      durable.length + Math.floor(this.#random() * (bytes.length - durable.length + 1)),
    ];
    const out = resized(durable, sizes[Math.floor(this.#random() * 3)]!);
    for (const page of dirty) {
      const fate = this.#random();
      if (fate < 0.4) continue;
      const from = page * this.#pageBytes;
      const whole = Math.min(this.#pageBytes, bytes.length - from, out.length - from);
      const kept = fate < 0.8 ? whole : Math.floor(this.#random() * whole);
      if (kept > 0) out.set(bytes.subarray(from, from + kept), from);
    }
    return out;
  }

  #check(operation: SimDiskOperation, path: string): void {
    if (this.#dead) throw failure('EIO', `${operation} ${path}: the power is off`);
    for (const injection of this.#injections) {
      if (injection.operation !== operation) continue;
      if (injection.left-- > 0 || injection.times <= 0) continue;
      injection.times--;
      throw failure(injection.code, `${operation} ${path}`);
    }
  }

  #content(path: string): Content {
    const content = this.#names.get(path);
    if (!content) throw failure('ENOENT', path);
    return content;
  }

  #change(path: string, apply: (names: Map<string, Content>) => void): void {
    apply(this.#names);
    this.#changes.push({ directory: directoryOf(path), apply });
  }

  #created(path: string): Content {
    const content: Content = { bytes: new Uint8Array(0), durable: new Uint8Array(0), dirty: new Set() };
    this.#change(path, (names) => void names.set(path, content));
    return content;
  }

  #grow(content: Content, added: Uint8Array): void {
    const before = content.bytes.length;
    content.bytes = resized(content.bytes, before + added.length);
    content.bytes.set(added, before);
    const last = Math.floor((content.bytes.length - 1) / this.#pageBytes);
    for (let page = Math.floor(before / this.#pageBytes); page <= last; page++) content.dirty.add(page);
  }

  #sync(path: string, content: Content): void {
    try {
      this.#check('datasync', path);
    } catch (error) {
      // As on Linux: pages of a failed sync count as clean and are never written again.
      content.dirty.clear();
      throw error;
    }
    const durable = resized(content.durable, content.bytes.length);
    for (const page of content.dirty) {
      const from = page * this.#pageBytes;
      if (from < content.bytes.length)
        durable.set(content.bytes.subarray(from, from + this.#pageBytes), from);
    }
    content.durable = durable;
    content.dirty.clear();
  }

  #file(path: string, content: Content): DiskFile {
    return {
      write: async (bytes) => {
        try {
          this.#check('write', path);
        } catch (error) {
          if (!this.#dead) this.#grow(content, bytes.subarray(0, Math.floor(this.#random() * bytes.length)));
          throw error;
        }
        this.#grow(content, bytes);
      },
      datasync: async () => {
        // A sync takes its time, so that the power can go in the middle of it.
        for (let turn = 0; turn < 4; turn++) await undefined;
        this.#sync(path, content);
      },
      read: async (at, length) => {
        this.#check('read', path);
        return content.bytes.slice(at, at + length);
      },
      close: async () => {},
    };
  }

  async openAppend(path: string): Promise<DiskFile> {
    this.#check('open', path);
    return this.#file(path, this.#names.get(path) ?? this.#created(path));
  }

  async openRead(path: string): Promise<DiskFile> {
    this.#check('open', path);
    return this.#file(path, this.#content(path));
  }

  async createNew(path: string, bytes: Uint8Array): Promise<boolean> {
    this.#check('open', path);
    if (this.#names.has(path)) return false;
    this.#grow(this.#created(path), bytes);
    return true;
  }

  async makeDirectory(): Promise<void> {}

  async list(directory: string): Promise<readonly string[]> {
    this.#check('open', directory);
    const paths = [...this.#names.keys()].filter((path) => directoryOf(path) === directory);
    return paths.map((path) => path.slice(directory.length + 1)).sort();
  }

  async rename(from: string, to: string): Promise<void> {
    this.#check('rename', from);
    const content = this.#content(from);
    this.#change(to, (names) => {
      names.delete(from);
      names.set(to, content);
    });
  }

  async remove(path: string): Promise<void> {
    this.#check('remove', path);
    if (this.#names.has(path)) this.#change(path, (names) => void names.delete(path));
  }

  async truncate(path: string, length: number): Promise<void> {
    this.#check('truncate', path);
    const content = this.#content(path);
    content.bytes = resized(content.bytes, length);
    content.dirty.add(Math.floor(Math.max(0, length - 1) / this.#pageBytes));
  }

  async syncDirectory(path: string): Promise<void> {
    this.#check('syncDirectory', path);
    for (const change of this.#changes) if (change.directory === path) change.apply(this.#durableNames);
    this.#changes = this.#changes.filter((change) => change.directory !== path);
  }

  async size(path: string): Promise<number> {
    return this.#content(path).bytes.length;
  }
}
