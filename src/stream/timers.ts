/** A binary heap of (due, key): due order, ties by key, so that timers fire in one order whatever was scheduled first. */
export class TimerHeap {
  readonly #due: number[] = [];
  readonly #key: string[] = [];

  get nextDueAt(): number {
    return this.#due[0] ?? Number.POSITIVE_INFINITY;
  }

  push(due: number, key: string): void {
    let i = this.#due.length;
    this.#due.push(due);
    this.#key.push(key);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#isBefore(i, parent)) break;
      this.#swap(i, parent);
      i = parent;
    }
  }

  pop(): { due: number; key: string } | undefined {
    if (this.#due.length === 0) return undefined;
    const top = { due: this.#due[0] as number, key: this.#key[0] as string };
    const due = this.#due.pop() as number;
    const key = this.#key.pop() as string;
    if (this.#due.length > 0) {
      this.#due[0] = due;
      this.#key[0] = key;
      this.#sink();
    }
    return top;
  }

  #sink(): void {
    let i = 0;
    for (;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < this.#due.length && this.#isBefore(child, least)) least = child;
      }
      if (least === i) return;
      this.#swap(i, least);
      i = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const difference = (this.#due[a] as number) - (this.#due[b] as number);
    return difference < 0 || (difference === 0 && (this.#key[a] as string) < (this.#key[b] as string));
  }

  #swap(a: number, b: number): void {
    const due = this.#due[a] as number;
    const key = this.#key[a] as string;
    this.#due[a] = this.#due[b] as number;
    this.#key[a] = this.#key[b] as string;
    this.#due[b] = due;
    this.#key[b] = key;
  }
}
