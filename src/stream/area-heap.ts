/** Numbers by their keys, least first; of one key the least number first. */
export class IndexHeap {
  readonly #keys: number[] = [];
  readonly #codes: number[] = [];

  get size(): number {
    return this.#keys.length;
  }
  /** Infinite when it is empty. */
  get topKey(): number {
    return this.#keys[0] ?? Number.POSITIVE_INFINITY;
  }
  get topCode(): number {
    return this.#codes[0] ?? 0;
  }

  push(key: number, code: number): void {
    const keys = this.#keys;
    const codes = this.#codes;
    let i = keys.length;
    keys.push(key);
    codes.push(code);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = keys[parent] as number;
      if (above < key || (above === key && (codes[parent] as number) <= code)) break;
      keys[i] = above;
      codes[i] = codes[parent] as number;
      i = parent;
    }
    keys[i] = key;
    codes[i] = code;
  }

  /** Takes the top's number; only from one that is not empty. */
  pop(): number {
    const keys = this.#keys;
    const codes = this.#codes;
    const top = codes[0] as number;
    const key = keys.pop() as number;
    const code = codes.pop() as number;
    const size = keys.length;
    if (size === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#isBefore(child + 1, child)) child++;
      const below = keys[child] as number;
      if (key < below || (key === below && code <= (codes[child] as number))) break;
      keys[i] = below;
      codes[i] = codes[child] as number;
      i = child;
    }
    keys[i] = key;
    codes[i] = code;
    return top;
  }

  #isBefore(a: number, b: number): boolean {
    const [keyA, keyB] = [this.#keys[a] as number, this.#keys[b] as number];
    return keyA < keyB || (keyA === keyB && (this.#codes[a] as number) < (this.#codes[b] as number));
  }
}
