import type { Clock } from '../../lib/clock.ts';
import type { Journal } from '../../lib/journal.ts';
import type { Random } from '../../lib/random.ts';
import type { ForeignStore } from '../../store/ledger/foreign.ts';
import type { FeedState } from '../../store/ledger/foreign-feed.ts';
import type { LiveSourceConfig } from '../config/source-config.ts';
import type { SourceMessage } from './intake.ts';

export interface ForeignDesk {
  readonly put: ForeignStore['putForeign'];
  saveState(feed: string, change: (before: FeedState) => FeedState): Promise<void>;
}

export interface Cursor {
  load(source: string): Promise<number | null>;
  save(source: string, at: number): Promise<void>;
  /** Places that are no instants, by a name of the source's own. */
  loadMark(name: string): Promise<string | undefined>;
  saveMark(name: string, mark: string): Promise<void>;
}

/** What an open source tells: whether it is connected, and what the operator is to know. */
export interface Hears
  extends Pick<SourcesOptions, 'take' | 'clock' | 'random' | 'cursor' | 'foreign' | 'onCounted'> {
  readonly onState: (isUp: boolean) => void;
  readonly onEvent: (event: { readonly kind: string }) => void;
  /** Nothing more comes: it is to be opened again. */
  readonly onEnd: (failure: string) => void;
}

export interface Open {
  close(): Promise<void>;
}

export interface SourceKind<Settings> {
  readonly summary: string;
  name(settings: Settings): string;
  open(settings: Settings, hears: Hears): Promise<Open>;
}

export interface SourcesOptions {
  readonly sources: readonly LiveSourceConfig[];
  /** Resolves when the message need not come again. */
  readonly take: (message: SourceMessage) => Promise<number | null>;
  readonly log: Journal;
  readonly clock: Clock;
  readonly random: Random;
  /** Where a source that asks has come to, epoch ms; null at first. */
  readonly cursor: Cursor;
  /** Where warnings of other authorities go. */
  readonly foreign: ForeignDesk;
  /** Whether a source is connected, when that changes. */
  readonly onState: (source: string, isUp: boolean) => void;
  /** See `SourceIntakeOptions`. */
  readonly onCounted: (what: string, by: number) => void;
}
