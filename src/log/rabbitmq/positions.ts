import type { Clock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { Follower } from './follower.ts';
import type { Link } from './link.ts';
import { Publisher } from './publisher.ts';
import type { Found } from './tail.ts';

const FLUSH_EVERY_MS = 1000;
const WRITE_MS = 5000;
const MAX_GROUPS = 1000;

export interface PositionsOptions {
  readonly stream: string;
  readonly writer: string;
  readonly clock: Clock;
  /** Publishes here. */
  readonly writing: Link;
  readonly reading: Link;
}

/**
 * Positions of reader groups in a small stream of their own, which every process reads whole: a record is the group as key
 * and a JSON list of [partition, offset]. Hints only: written at most once a second, and lost when they are old (4 MiB).
 */
export class Positions {
  readonly #clock: Clock;
  readonly #groups = new Map<string, Map<number, number>>();
  readonly #changed = new Map<string, Set<number>>();
  readonly #follower: Follower;
  readonly #publisher: Publisher;
  #cancel: (() => void) | undefined;

  constructor(options: PositionsOptions) {
    const { stream, clock, writer } = options;
    this.#clock = clock;
    this.#follower = new Follower({
      link: options.reading,
      stream,
      clock,
      begin: 'first',
      cacheBytes: 0,
      onFound: (found, id) => {
        if (id?.startsWith(`${writer}-`)) this.#publisher.seen(id, found.offset);
        else this.#learn(found);
      },
    });
    this.#publisher = new Publisher(
      { link: options.writing, stream, clock, writer, deliveryTimeoutMs: WRITE_MS },
      this.#follower,
    );
  }

  set(group: string, partition: number, offset: number): void {
    this.#of(group).set(partition, offset);
    const changed = this.#changed.get(group) ?? new Set();
    this.#changed.set(group, changed.add(partition));
    this.#cancel ??= this.#clock.after(FLUSH_EVERY_MS, () => void this.flush());
  }

  /** The group's positions as all processes told them. @throws AtalaiaError ATL_BUSY when the stream does not answer */
  async get(group: string, waitMs: number): Promise<ReadonlyMap<number, number>> {
    await this.#follower.ready(waitMs);
    await this.#follower.flush(waitMs);
    return this.#groups.get(group) ?? new Map();
  }

  /** Writes what changed; that it cannot be written is no failure of the log. */
  async flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    const publications = [...this.#changed].map(([group, partitions]) => ({
      key: group,
      payload: Buffer.from(JSON.stringify([...partitions].map((p) => [p, this.#of(group).get(p)]))),
    }));
    this.#changed.clear();
    if (publications.length > 0) await this.#publisher.append(publications).catch(() => undefined);
  }

  async close(error: AtalaiaError): Promise<void> {
    await this.flush();
    await this.#publisher.close(0);
    this.#follower.close(error);
  }

  #of(group: string): Map<number, number> {
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
    return positions;
  }

  #learn({ key, payload }: Found): void {
    let pairs: unknown;
    try {
      pairs = JSON.parse(Buffer.from(payload).toString('utf8'));
    } catch {
      return;
    }
    if (!Array.isArray(pairs) || (!this.#groups.has(key) && this.#groups.size >= MAX_GROUPS)) return;
    for (const pair of pairs) {
      const [partition, offset] = Array.isArray(pair) ? pair : [];
      const isOurs = this.#changed.get(key)?.has(partition) ?? false;
      if (Number.isInteger(partition) && Number.isInteger(offset) && !isOurs)
        this.#of(key).set(partition, offset);
    }
  }
}
