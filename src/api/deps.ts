import type { Journal } from '../lib/journal.ts';
import type { ActCommand, RaiseCommand } from '../model/act.ts';
import type { Area } from '../model/area.ts';
import type { Language } from '../model/language.ts';
import type { ObservedEvent } from '../model/observed-event.ts';
import type { Directory } from '../model/roster.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import type { Template } from '../rules/template.ts';
import type { Archive } from '../store/archive/archive.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import type { AccessKeeper } from './access/keeper.ts';
import type { DeliveryDesk } from './channels/desk.ts';
import type { RateLimit } from './rate-limit.ts';
import type { SubscriberDesk } from './subscribers/desk.ts';

export interface IngestRequest {
  /** Media type in lower case without parameters. */
  readonly contentType: string;
  /** `Content-Encoding` in lower case, `identity` when absent. */
  readonly encoding: string;
  readonly body: Buffer;
  /** Which stations the sender may report for; all unless given. */
  readonly mayReport?: MayReport | undefined;
}

/** `region`: undefined for a station that the registry does not know. */
export type MayReport = (station: string, region: string | undefined) => boolean;

export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
}

/** A message at a door for producers that cannot send our reports. */
export interface DoorRequest {
  readonly name: string;
  /** Fields of the query. */
  readonly fields: URLSearchParams;
  readonly body: Uint8Array;
  /** The header Content-Encoding, when there is one. */
  readonly encoding?: string | undefined;
  /** The bearer token, when there is one. */
  readonly bearer: string | undefined;
  /** Given when the sender has shown a station key: no other key is asked for. */
  readonly mayReport?: MayReport | undefined;
}

export interface BacktestRequest {
  readonly rules: readonly Rule[];
  /** A second version of the rules. */
  readonly others?: readonly Rule[];
  /** As `RULE/LEVEL=FROM..TO/STEP`. */
  readonly sweeps: readonly string[];
  /** Numbers for which others are proposed, as `RULE/LEVEL#2`. */
  readonly proposals?: readonly string[];
  /** CSV of what happened. */
  readonly truth: string;
  readonly toleranceMs: number;
  /** Epoch ms, `to` not included. */
  readonly from: number;
  readonly to: number;
  /** All unless given. */
  readonly stations?: readonly string[];
  readonly author: string;
}

export interface BacktestJob {
  readonly id: string;
  readonly state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  readonly author: string;
  readonly createdAt: number;
  readonly endedAt: number | null;
  /** The span asked for, and how far it is folded; epoch ms. */
  readonly from: number;
  readonly to: number;
  readonly foldedTo: number | null;
  readonly error?: string;
  readonly report?: object;
}

/** Backtests over the archive, one at a time beside live data. */
export interface BacktestDesk {
  /** Throws ATL_BUSY when too many wait, ATL_INPUT or ATL_USAGE for input that cannot be tested. */
  submit(request: BacktestRequest): BacktestJob;
  /** The newest first. */
  jobs(): readonly BacktestJob[];
  job(id: string): BacktestJob | undefined;
  cancel(id: string): void;
}

/** The daily test as people see it; instants as text. */
export interface SelfTestView {
  readonly state: 'none' | 'running' | 'passed' | 'failed' | 'missed';
  readonly ok: boolean;
  readonly detail: string;
  readonly nextAt: string;
  readonly at?: string;
  readonly by?: string;
  readonly channels: readonly {
    readonly channel: string;
    readonly state: 'waiting' | 'delivered' | 'late' | 'failed';
    readonly tookMs?: number;
    readonly reason?: string;
  }[];
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
  /** The same of forecasts; without it there is no such door. */
  ingestForecasts?(request: IngestRequest): Promise<{ readonly status: number; readonly body: unknown }>;
  /** Takes the message of a producer; resolves when the log has its reports durably. Without it there are no doors. */
  readonly door?: ((request: DoorRequest) => Promise<void>) | undefined;
  /** Whether a door has a key of its own, and this is it. */
  doorKey?(name: string, key: string): boolean;
  /** Reads a CSV file of events that happened; throws ATL_INPUT with the lines of bad rows. */
  readObserved?(csv: string, createdAt: number): readonly ObservedEvent[];
  /** Users, sessions and station keys; without it nobody is asked who they are. */
  readonly access?: AccessKeeper | undefined;
  /** Addresses and networks of fronts whose `X-Forwarded-For` is believed. */
  readonly proxies?: readonly string[];
  /** Epoch ms. */
  now(): number;
  /** The clock of deliveries, silences and holds, where `now` is that of a recording. */
  deliveryNow?(): number;
  /** Free-form JSON of `GET /api/v1/status`. */
  status(): object;
  readiness(): Readiness;
  /** Prometheus text format 0.0.4. */
  metrics(): Promise<string>;
  /** Calls back with each committed revision, in the order of `seq`, after the commit; returns the unsubscription. */
  onRevision(callback: (revision: StoredRevision) => void): () => void;
  /** A feed of CAP messages; `updatedAt` (epoch ms) is when its newest was made, 0 without one. */
  capFeed(request: {
    readonly format: 'atom' | 'rss';
    readonly language?: Language;
    readonly hazard?: string;
    readonly area?: string;
    readonly before?: string;
  }): Promise<{ readonly body: string; readonly etag: string; readonly updatedAt: number }>;
  /** The rules in force; `version` names the rule set they came with. */
  rules(): readonly (Rule & { readonly version: string })[];
  stations(): readonly Station[];
  /** Without it there are no backtests. */
  readonly backtests?: BacktestDesk;
  /** Names of the configured feeds of other authorities. */
  readonly capFeeds?: readonly string[];
  /** The named areas in force; none unless given. */
  areas?(): readonly Area[];
  putStation(station: Station): Promise<void>;
  /** Resolves when the log has the act durably, under the id of its command; a repeat of an id changes nothing. */
  putAct?(command: string, partition: number, act: ActCommand): Promise<void>;
  /** The same of an alert that a person raises; `region` keeps it. */
  putRaise?(command: string, region: string, raise: RaiseCommand): Promise<void>;
  /** Alerts prepared to be raised by hand. */
  templates?(): readonly Template[];
  /** The rule with the review that the server asks for. */
  reviewed?(rule: Rule): Rule;
  /** How long the answer to an act waits for the fold, ms; default 5000. */
  readonly actWaitMs?: number;
  /** The daily test of every channel; without it there is none. */
  readonly selfTest?: {
    status(): SelfTestView;
    /** Begins one now, under the id of its command; the same id again is the same test. */
    now(command: string, by: string): Promise<object>;
  };
  /** Latest values and health of a station: further members of its JSON. */
  stationView?(id: string): object;
  /** What people ask of channels and of who is told; without it there are no channels. */
  readonly desk?: DeliveryDesk;
  /** Names of the configured channels; when given, a subscription to another one is refused. */
  channels?(): readonly string[];
  /** Channels that browsers can subscribe to, with the public key (VAPID, base64url). */
  webPush?(): readonly { readonly channel: string; readonly publicKey: string }[];
  /** Whether a channel can tell several alerts in one message to a subscription with this address; all can without it. */
  canGroup?(channel: string, address: string | undefined): boolean;
  /** For people who subscribe themselves; nobody can without it. */
  readonly subscribers?: SubscriberDesk;
  /** People, groups and rosters of the configuration; none unless given. */
  readonly directory?: Directory;
  /** Folder of the built dashboard; null serves none. */
  readonly webRoot: string | null;
  /** What one client may ask; generous when absent. */
  readonly rateLimit?: RateLimit;
  /** Host names that may be asked beside the address listened on (behind a proxy). */
  readonly hosts?: readonly string[];
  readonly log: Journal;
}
