import type { Clock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { OffsetIndex } from '../../store/ledger/coordination.ts';

const FLUSH_EVERY_MS = 1000;
const MAX_GROUPS = 1000;

/** Positions of reader groups, for lag: hints, written to the index at most once a second. */
export class GroupPositions {
  readonly #index: OffsetIndex;
  readonly #prefix: string;
  readonly #clock: Clock;
  readonly #groups = new Map<string, Map<number, number>>();
  readonly #changed = new Set<string>();
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(index: OffsetIndex, prefix: string, clock: Clock) {
    this.#index = index;
    this.#prefix = `${prefix}group/`;
    this.#clock = clock;
  }

  set(group: string, partition: number, offset: number): void {
    let positions = this.#groups.get(group);
    if (!positions) {
      if (this.#groups.size >= MAX_GROUPS)
        throw new AtalaiaError(
          'ATL_USAGE',
          `The log knows ${MAX_GROUPS} reader groups already. Use one of those.`,
        );
      positions = new Map();
      this.#groups.set(group, positions);
    }
    positions.set(partition, offset);
    this.#changed.add(this.#key(group, partition));
    this.#cancel ??= this.#clock.after(FLUSH_EVERY_MS, () => void this.flush());
  }

  /** The group's positions: those in the index, and of this process what is not there yet. */
  async get(group: string): Promise<Map<number, number>> {
    const prefix = this.#key(group, '');
    const kept = await this.#index.list(prefix);
    const positions = new Map(kept.map(([key, value]) => [Number(key.slice(prefix.length)), Number(value)]));
    for (const [partition, offset] of this.#groups.get(group) ?? [])
      if (this.#changed.has(this.#key(group, partition))) positions.set(partition, offset);
    return positions;
  }

  flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const changes = [...this.#groups].flatMap(([group, positions]) =>
      [...positions].map(([partition, offset]) => {
        const key = this.#key(group, partition);
        return { key, offset, isWritten: () => positions.get(partition) === offset };
      }),
    );
    const entries = changes.filter(({ key }) => this.#changed.has(key));
    if (entries.length === 0) return;
    try {
      await this.#index.set(entries.map(({ key, offset }) => [key, String(offset)]));
    } catch {
      // A hint only: that it could not be written is no failure of the log.
      return;
    }
    for (const { key, isWritten } of entries) if (isWritten()) this.#changed.delete(key);
  }

  #key(group: string, partition: number | ''): string {
    return `${this.#prefix}${encodeURIComponent(group)}/${partition}`;
  }
}
