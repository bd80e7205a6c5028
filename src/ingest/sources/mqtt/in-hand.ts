/** One message between its arrival and its acknowledgement. */
interface Held {
  readonly acknowledge: () => void;
  isTaken: boolean;
}

/**
 * Messages that are handled side by side: of one lane one after the other, of different lanes at once, up to a bound.
 * Acknowledged in the order in which they came, as MQTT wants of a client (3.1.1 [MQTT-4.6.0-2]), each when it and all
 * before it were taken.
 */
export class InHand {
  readonly #limit: number;
  /** The end of the last message of a lane. */
  readonly #lanes = new Map<string, Promise<void>>();
  readonly #running = new Set<Promise<void>>();
  readonly #ready: (() => void)[] = [];
  #held: Held[] = [];

  /** @param limit how many are handled, or wait for another of their lane, at once */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Begins with a message when those before it of its lane are done. `work` resolves with whether it was taken;
   * `whenFree` is called as soon as there is room for another one.
   */
  add(lane: string, work: () => Promise<boolean>, acknowledge: () => void, whenFree: () => void): void {
    const held: Held = { acknowledge, isTaken: false };
    this.#held.push(held);
    const run = (this.#lanes.get(lane) ?? Promise.resolve()).then(work).then((isTaken) => {
      if (this.#lanes.get(lane) === run) this.#lanes.delete(lane);
      this.#running.delete(run);
      held.isTaken = isTaken;
      this.#acknowledge();
      this.#ready.shift()?.();
    });
    this.#lanes.set(lane, run);
    this.#running.add(run);
    if (this.#running.size < this.#limit) whenFree();
    else this.#ready.push(whenFree);
  }

  /** The connection is another one: what came by the old one is the broker's to bring again. */
  forget(): void {
    this.#held = [];
    this.#ready.length = 0;
  }

  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }

  #acknowledge(): void {
    while (this.#held[0]?.isTaken) this.#held.shift()?.acknowledge();
  }
}
