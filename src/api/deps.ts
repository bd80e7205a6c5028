import type { Language } from '../model/language.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import type { Archive } from '../store/archive/archive.ts';
import type { Ledger, StoredRevision } from '../store/ledger/ledger.ts';

export interface IngestRequest {
  /** Media type in lower case without parameters. */
  readonly contentType: string;
  /** `Content-Encoding` in lower case, `identity` when absent. */
  readonly encoding: string;
  readonly body: Buffer;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
}

/** Takes fields and a sentence; pino's loggers fit. */
export interface ApiLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Everything that the HTTP interface is given; it reads no clock, file or variable of its own, but `webRoot`. */
export interface ApiDeps {
  readonly ledger: Ledger;
  readonly archive: Archive;
  readonly environment: 'actual' | 'exercise' | 'test';
  readonly language: Language;
  /**
   * Resolves when the log has the reports durably. A status of 400 and above leaves as problem details that carry the
   * members of `body`; an AtalaiaError thrown becomes the problem of its code.
   */
  ingest(request: IngestRequest): Promise<{ readonly status: number; readonly body: unknown }>;
  /** Epoch ms. */
  now(): number;
  /** Free-form JSON of `GET /api/v1/status`. */
  status(): object;
  readiness(): Readiness;
  /** Prometheus text format 0.0.4. */
  metrics(): Promise<string>;
  /** Calls back with each committed revision, in the order of `seq`, after the commit; returns the unsubscription. */
  onRevision(callback: (revision: StoredRevision) => void): () => void;
  capFeed(format: 'atom' | 'rss'): Promise<{ readonly body: string; readonly etag: string }>;
  /** The rules in force; `version` names the rule set they came with. */
  rules(): readonly (Rule & { readonly version: string })[];
  stations(): readonly Station[];
  putStation(station: Station): Promise<void>;
  /** Latest values and health of a station: further members of its JSON. */
  stationView?(id: string): object;
  /** Names of the configured channels; when given, a subscription to another one is refused. */
  channels?(): readonly string[];
  /** Folder of the built dashboard; null serves none. */
  readonly webRoot: string | null;
  /** Host names that may be asked beside the address listened on (behind a proxy). */
  readonly hosts?: readonly string[];
  readonly log: ApiLog;
}
