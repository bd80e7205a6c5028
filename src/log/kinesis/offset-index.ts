/**
 * The durable map beside the stream that says which offset belongs to which sequence number: a table of the ledger, or
 * any store that can insert when absent. Keys begin with the stream's name and creation time. Values are short texts
 * (a few KiB). All processes of one log share it.
 */
export interface OffsetIndex {
  /** Every pair whose key begins with this. */
  list(prefix: string): Promise<readonly (readonly [key: string, value: string])[]>;
  /** Keeps the value durably unless the key is there; resolves with the value that is kept. */
  insert(key: string, value: string): Promise<string>;
  /** Keeps the value durably, whatever was there. */
  set(key: string, value: string): Promise<void>;
  /** Removes these keys; no error when one is not there. */
  remove(keys: readonly string[]): Promise<void>;
}

/** An index that ends with the process, for tests and throw-away streams. */
export function memoryOffsetIndex(): OffsetIndex {
  const map = new Map<string, string>();
  return {
    list: async (prefix) => [...map].filter(([key]) => key.startsWith(prefix)),
    async insert(key, value) {
      const kept = map.get(key);
      if (kept !== undefined) return kept;
      map.set(key, value);
      return value;
    },
    set: async (key, value) => void map.set(key, value),
    async remove(keys) {
      for (const key of keys) map.delete(key);
    },
  };
}
