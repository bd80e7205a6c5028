import type { Clock } from '../../lib/clock.ts';
import type { Member, Membership, MembershipEvents } from '../../log/membership.ts';
import type { Processor } from './processor.ts';

export interface AssignmentOptions {
  readonly membership: Membership;
  readonly processor: Pick<Processor, 'take' | 'release' | 'held'>;
  readonly clock: Clock;
  readonly onEvent: (event: AssignmentEvent) => void;
  readonly onFailure: (error: unknown) => void;
}

export type AssignmentEvent =
  | { readonly kind: 'taken' | 'revoked' | 'lost'; readonly partitions: readonly number[] }
  /** Another process wrote under a newer epoch. */
  | { readonly kind: 'fenced'; readonly partition: number };

/**
 * A partition that the broker gives us and another process took over is asked for again after so long, ms, each time
 * twice as long. The first is above the interval at which a broker hears of its members: who was replaced knows by then.
 */
const FIRST_RETAKE_MS = 6000;
const MAX_RETAKE_MS = 60_000;

/** Lets the processor hold what the log's broker gives this process: one change after the other. */
export class Assignment implements MembershipEvents {
  readonly #options: AssignmentOptions;
  /** What the broker says is ours, and how often each was taken from us nevertheless. */
  readonly #given = new Map<number, number>();
  #member: Member | null = null;
  #changing: Promise<void> = Promise.resolve();

  constructor(options: AssignmentOptions) {
    this.#options = options;
  }

  async join(): Promise<void> {
    this.#member = await this.#options.membership.join('processor', this);
  }

  onAssigned(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) this.#given.set(partition, 0);
    return this.#change(() => this.#take(partitions));
  }

  onRevoked(partitions: readonly number[], reason: 'revoked' | 'lost'): Promise<void> {
    for (const partition of partitions) this.#given.delete(partition);
    return this.#change(async () => {
      await this.#options.processor.release(partitions, reason);
      this.#options.onEvent({ kind: reason, partitions });
    });
  }

  /** The processor let a partition go because another process took it over: either we hear of that soon, or it was late. */
  fenced(partition: number): void {
    this.#options.onEvent({ kind: 'fenced', partition });
    const times = this.#given.get(partition);
    if (times === undefined) return;
    this.#given.set(partition, times + 1);
    const wait = Math.min(MAX_RETAKE_MS, FIRST_RETAKE_MS * 2 ** times);
    this.#options.clock.after(wait, () => void this.#change(() => this.#take([partition])));
  }

  async #take(partitions: readonly number[]): Promise<void> {
    const { processor, onEvent } = this.#options;
    const wanted = partitions.filter((one) => this.#given.has(one) && !processor.held.includes(one));
    if (wanted.length === 0) return;
    await processor.take(wanted);
    onEvent({ kind: 'taken', partitions: wanted });
  }

  #change(work: () => Promise<void>): Promise<void> {
    this.#changing = this.#changing.then(work).catch((error: unknown) => this.#options.onFailure(error));
    return this.#changing;
  }

  /** Gives all partitions back in good order and leaves the group. */
  async leave(): Promise<void> {
    await this.#member?.leave();
  }
}
