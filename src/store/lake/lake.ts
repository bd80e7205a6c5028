/** Where a lake lies: files by name, each replaced as a whole or not at all. Names have `/` between folders. */
export interface LakeMedium {
  /** Copies the file there under the name; a reader sees the old one or the new one, whole. Rejects with ATL_STORE. */
  put(name: string, file: string): Promise<void>;
  /** Copies what lies under the name to the file; false when there is none. Rejects with ATL_STORE. */
  get(name: string, file: string): Promise<boolean>;
  /** Removes it; nothing when there is none. Rejects with ATL_STORE. */
  remove(name: string): Promise<void>;
  /** For people: a path or an address. */
  nameOf(name: string): string;
  close(): void;
}
