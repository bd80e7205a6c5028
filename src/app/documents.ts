import { createHash } from 'node:crypto';
import { AtalaiaError } from '../lib/errors.ts';
import type { AreaDocument } from '../model/area.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import type { Climatology } from '../stream/climatology-reader.ts';
import type { FoldOptions } from '../stream/fold.ts';

/** Bytes of a document and the name that they have by content. */
export interface Document {
  readonly hash: string;
  readonly bytes: Uint8Array;
}

/** JSON with keys in order, so that equal content has equal bytes. */
export function toDocument(content: unknown): Document {
  const bytes = Buffer.from(
    JSON.stringify(content, (_, value: unknown) => (isPlain(value) ? sorted(value) : value)),
  );
  return { bytes, hash: createHash('sha256').update(bytes).digest('hex') };
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const sorted = (value: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Immutable documents in memory: what the fold reads beside records. */
export class DocumentCache {
  readonly #bytes = new Map<string, Uint8Array>();
  readonly #parsed = new Map<string, unknown>();
  readonly #load: (hash: string) => Promise<Uint8Array | undefined>;

  /** Whether folds over these documents judge readings. */
  readonly hasQuality: boolean;

  /** `load` finds a document that is not in memory yet. */
  constructor(
    load: (hash: string) => Promise<Uint8Array | undefined> = async () => undefined,
    hasQuality = true,
  ) {
    this.#load = load;
    this.hasQuality = hasQuality;
  }

  /** Brings a document into memory, so that the fold finds it at once. */
  async ensure(hash: string): Promise<void> {
    if (hash === '' || this.#bytes.has(hash)) return;
    const bytes = await this.#load(hash);
    if (bytes) this.#bytes.set(hash, bytes);
  }

  /** The bytes of a document, for another thread. */
  async bytes(hash: string): Promise<Uint8Array | undefined> {
    await this.ensure(hash);
    return this.#bytes.get(hash);
  }

  add(document: Document): string {
    this.#bytes.set(document.hash, document.bytes);
    return document.hash;
  }
  get<T>(hash: string): T {
    if (!this.#parsed.has(hash)) {
      const bytes = this.#bytes.get(hash);
      if (!bytes)
        throw new AtalaiaError(
          'ATL_STORE',
          `Document ${hash} is named by the log but not in the ledger. Give the data directory that belongs to this log.`,
        );
      this.#parsed.set(hash, JSON.parse(Buffer.from(bytes).toString('utf8')));
    }
    return this.#parsed.get(hash) as T;
  }
  foldOptions(latenessMs?: number): FoldOptions {
    return {
      ...(latenessMs === undefined ? {} : { latenessMs }),
      hasQuality: this.hasQuality,
      rules: (hash) => this.get<readonly Rule[]>(hash),
      stations: (hash) => this.get<readonly Station[]>(hash),
      areas: (hash) => this.get<AreaDocument>(hash),
      climatology: (hash) => this.get<Climatology>(hash),
    };
  }
}
