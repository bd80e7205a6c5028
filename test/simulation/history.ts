import type { Append, LogEntry } from '../../src/log/log.ts';
import type { Broker } from './broker.ts';
import { Life, type Scheduler } from './scheduler.ts';
import type { SentReport } from './weather.ts';

const RETRY_MS = 500;
const READ_LIMIT = 1000;

const placeOf = (partition: number, offset: number): string => `${partition}/${offset}`;

/** What the log said to anybody: acknowledged and served records, and all of them in order by a reader that never dies. */
export class LogHistory {
  readonly entries: LogEntry[][];
  /** Answered for with "accepted" by the front. */
  readonly accepted: SentReport[] = [];
  readonly #bytes = new Map<string, Uint8Array>();
  readonly #acknowledged = new Set<string>();
  readonly #ends: number[];
  readonly #onViolation: (what: string) => void;

  constructor(partitions: number, onViolation: (what: string) => void) {
    this.entries = Array.from({ length: partitions }, () => []);
    this.#ends = new Array<number>(partitions).fill(0);
    this.#onViolation = onViolation;
  }

  acknowledged({ partition, payload }: Append, offset: number): void {
    this.#acknowledged.add(placeOf(partition, offset));
    this.#ends[partition] = Math.max(this.#ends[partition] as number, offset + 1);
    this.#same(partition, offset, payload, 'acknowledged');
  }

  /** What was acknowledged must be there when the log comes back. */
  opened(next: readonly number[]): void {
    next.forEach((end, partition) => {
      const acknowledged = this.#ends[partition] as number;
      if (end < acknowledged)
        this.#onViolation(
          `log partition ${partition} came back with ${end} records, ${acknowledged} were acknowledged`,
        );
    });
  }

  read({ partition, offset, payload }: LogEntry): void {
    this.#same(partition, offset, payload, 'served');
  }

  #same(partition: number, offset: number, payload: Uint8Array, how: string): void {
    const place = placeOf(partition, offset);
    const known = this.#bytes.get(place);
    if (!known) this.#bytes.set(place, payload.slice());
    else if (Buffer.compare(known, payload) !== 0)
      this.#onViolation(`log ${place} was ${how} with other bytes than before`);
  }

  /** First offset of each partition that the reader has not got. */
  positions(): readonly number[] {
    return this.entries.map((entries) => entries.length);
  }

  /** Whether the reader has all that was ever acknowledged. */
  isComplete(): boolean {
    return this.#ends.every((end, partition) => (this.entries[partition] as LogEntry[]).length >= end);
  }

  missing(): string[] {
    return [...this.#acknowledged].filter((place) => {
      const [partition, offset] = place.split('/').map(Number) as [number, number];
      return (this.entries[partition] as LogEntry[]).length <= offset;
    });
  }

  follow(scheduler: Scheduler, broker: Broker, everyMs: number): void {
    const life = new Life('reader');
    const log = broker.client(life);
    this.entries.forEach((entries, partition) => {
      const next = (): void =>
        void log.read(partition, entries.length, READ_LIMIT).then(
          (more) => {
            entries.push(...more);
            scheduler.after(everyMs, next, life);
          },
          () => void scheduler.after(RETRY_MS, next, life),
        );
      scheduler.after(0, next, life);
    });
  }
}
