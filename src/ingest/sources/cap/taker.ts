import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { oneLine } from '../../../alerts/cap/read/verdict.ts';
import type { ForeignDocument, ForeignLink, ForeignMessage } from '../../../alerts/foreign/document.ts';
import { type ForeignFacts, foreignFacts } from '../../../alerts/foreign/facts.ts';
import type { Clock } from '../../../lib/clock.ts';

/** Messages that are fetched at once. */
const AT_ONCE = 4;
/** Failures one after the other at which the rest waits for the next reading. */
const MOST_IN_ROW = 4;
/** Tries with a message that its server refuses, or that holds nothing which can be read. */
const TRIES = 5;
/** Messages that are judged and written in one go, between which our alerts have their turn. */
const KEPT_AT_ONCE = 50;
/** For all messages behind links of one reading. */
const TURN_MS = 120_000;
const MAX_STRANGERS = 20;

/** What one reading of a feed brought. */
export interface FeedReport {
  /** Messages that were taken in, those that were held already included. */
  readonly taken: number;
  /** Messages behind links of the feed that are not held: not fetched yet, not to be had, or on hosts that are not known. */
  readonly missing: number;
  /** How many were not, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** Senders that are not on the list. */
  readonly strangers: readonly string[];
  /** What of the document itself was passed over. */
  readonly findings: readonly string[];
  /** Nothing is left that the next reading could bring without a change of the feed. */
  readonly isWhole: boolean;
}

export interface FeedTakerOptions {
  readonly source: string;
  readonly url: string;
  readonly senders: readonly string[];
  /** Hosts beside that of the feed, as `host` or `host:port`. */
  readonly hosts: readonly string[];
  readonly maxMessages: number;
  readonly read: (bytes: Uint8Array, base: string) => Promise<ForeignDocument>;
  readonly clock: Clock;
  readonly get: (url: string, signal: AbortSignal) => Promise<Uint8Array>;
  /** Whether another try would not change a failure of `get`. */
  readonly isForGood: (error: unknown) => boolean;
  /** Takes messages in durably: for each whether there was room. */
  readonly put: (facts: readonly ForeignFacts[]) => Promise<readonly boolean[]>;
  /** Which messages behind links are held, as this class writes it. */
  readonly loadMark: () => Promise<string | undefined>;
  readonly saveMark: (mark: string) => Promise<void>;
}

/** Whether a message may be fetched from there: the host of the feed, or one that the operator named. */
export const mayFollow = (url: URL, feed: string, hosts: readonly string[]): boolean =>
  url.host === new URL(feed).host || hosts.includes(url.host);

/**
 * Takes in what a feed of CAP messages holds, and what stands behind its links: from known hosts, so many at once, and what
 * is held is not fetched again. What could not be taken now stays open for the next reading.
 */
export class FeedTaker {
  readonly #options: FeedTakerOptions;
  readonly #senders: ReadonlySet<string>;
  readonly #version: string;
  /** Links that are done with, of those that the feed has. */
  #held: Set<string> | undefined;
  readonly #failures = new Map<string, number>();

  constructor(options: FeedTakerOptions) {
    this.#options = options;
    this.#senders = new Set(options.senders.map((sender) => sender.trim().toLowerCase()));
    // Who was refused before may be on the list now, so under another list everything is looked at again.
    this.#version = digest([...this.#senders].sort());
  }

  /** Rejects when the document is no feed, and when what it holds could not be kept. */
  async take(body: Uint8Array, stopping: AbortSignal): Promise<FeedReport> {
    const { read, url } = this.#options;
    const { messages, links, findings } = await read(body, url);
    const told = findings.map(({ clause, reason }) => `${clause}: ${oneLine(reason)}`.slice(0, 300));
    if (messages.length + links.length === 0 && told.length > 0)
      throw new Error(`the feed holds nothing that can be read: ${told[0]}`);
    const turn = new Turn();
    turn.isWhole = (await this.#keep([messages], turn)).every(Boolean);
    await this.#follow(links, turn, stopping);
    return { ...turn.report(), findings: told.slice(0, 10) };
  }

  async #follow(links: readonly ForeignLink[], turn: Turn, stopping: AbortSignal): Promise<void> {
    const { loadMark, saveMark, maxMessages } = this.#options;
    this.#held ??= heldOf(await loadMark(), this.#version);
    const held = this.#held;
    const before = held.size;
    const inFeed = new Map(links.map((link) => [digest([link.id, link.updated, link.url]), link]));
    for (const key of held) if (!inFeed.has(key)) held.delete(key);
    for (const key of this.#failures.keys()) if (!inFeed.has(key)) this.#failures.delete(key);
    const isChanged = held.size !== before;
    const open = [...inFeed]
      .filter(([key]) => !held.has(key))
      .map(([key, link]): Wanted => ({ key, url: this.#addressOf(link, turn) ?? '' }))
      .filter(({ url }) => url !== '')
      // One that fails again and again must not keep others back.
      .sort((a, b) => this.#failuresOf(a.key) - this.#failuresOf(b.key));
    const wanted = open.slice(0, maxMessages);
    if (wanted.length < open.length) turn.isWhole = false;
    try {
      await this.#fetchAll(wanted, turn, stopping);
    } finally {
      if (isChanged || turn.done > 0)
        await saveMark(JSON.stringify({ version: this.#version, held: [...held] }));
    }
    turn.missing = inFeed.size - held.size;
  }

  /** Where the message is fetched from; undefined, and counted, for a host that is not known. */
  #addressOf(link: ForeignLink, turn: Turn): string | undefined {
    const { url: feed, hosts } = this.#options;
    const url = new URL(link.url);
    // What a feed over TLS names is not asked for in the clear, where anybody on the way could change it.
    if (feed.startsWith('https:')) url.protocol = 'https:';
    if (mayFollow(url, feed, hosts)) return url.href;
    turn.refuse('host');
    return undefined;
  }

  async #fetchAll(wanted: readonly Wanted[], turn: Turn, stopping: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(TURN_MS)]);
    for (let i = 0; i < wanted.length; i += AT_ONCE) {
      if (signal.aborted || turn.inRow >= MOST_IN_ROW) {
        turn.isWhole = false;
        return;
      }
      const batch = wanted.slice(i, i + AT_ONCE);
      const fetched = await Promise.all(batch.map((one) => this.#fetch(one, turn, signal)));
      const come = fetched.filter((one) => one !== undefined);
      const kept = await this.#keep(
        come.map(({ messages }) => messages),
        turn,
      );
      for (const [place, { key }] of come.entries()) {
        if (kept[place]) this.#done(key, turn);
        else this.#failed(key, turn);
      }
    }
  }

  /** The messages behind a link; undefined, and counted, when there are none to be had now. */
  async #fetch({ key, url }: Wanted, turn: Turn, signal: AbortSignal): Promise<Fetched | undefined> {
    const { get, isForGood, read } = this.#options;
    try {
      const { messages } = await read(await get(url, signal), url);
      turn.inRow = 0;
      if (messages.length > 0) return { key, messages };
      turn.refuse('unreadable');
      this.#refusedByServer(key, turn);
    } catch (error) {
      if (signal.aborted) turn.isWhole = false;
      else if (isForGood(error)) {
        // The server is there, so that others may be asked for.
        turn.inRow = 0;
        turn.refuse('not-served');
        this.#refusedByServer(key, turn);
      } else {
        turn.refuse('unreachable');
        turn.inRow++;
        this.#failed(key, turn);
      }
    }
    return undefined;
  }

  #refusedByServer(key: string, turn: Turn): void {
    if (this.#failuresOf(key) + 1 < TRIES) this.#failed(key, turn);
    else this.#done(key, turn);
  }

  #failed(key: string, turn: Turn): void {
    this.#failures.set(key, this.#failuresOf(key) + 1);
    turn.isWhole = false;
  }

  #done(key: string, turn: Turn): void {
    this.#held?.add(key);
    this.#failures.delete(key);
    turn.done++;
  }

  #failuresOf(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** For each document whether nothing of it is to come again. */
  async #keep(documents: readonly (readonly ForeignMessage[])[], turn: Turn): Promise<readonly boolean[]> {
    const isOver = documents.map(() => true);
    const all = documents.flatMap((messages, place) => messages.map((message) => ({ place, message })));
    for (let i = 0; i < all.length; i += KEPT_AT_ONCE) {
      if (i > 0) await setImmediate();
      const facts = all
        .slice(i, i + KEPT_AT_ONCE)
        .flatMap(({ place, message }) => this.#judge(message, place, turn, isOver));
      const taken = facts.length === 0 ? [] : await this.#options.put(facts.map((one) => one.facts));
      for (const [n, { place }] of facts.entries()) {
        if (taken[n]) turn.taken++;
        else {
          turn.refuse('full');
          isOver[place] = false;
        }
      }
    }
    return isOver;
  }

  /** What a message states; nothing, and counted, of one that is not taken. */
  #judge(
    { alert, faulty }: ForeignMessage,
    place: number,
    turn: Turn,
    isOver: boolean[],
  ): { readonly place: number; readonly facts: ForeignFacts }[] {
    const { source, clock } = this.#options;
    const sender = oneLine(alert.sender);
    if (!this.#senders.has(sender.toLowerCase())) {
      turn.stranger(sender);
      return [];
    }
    const facts = foreignFacts(alert, { source, now: clock.now(), faulty });
    if (!('refused' in facts)) return [{ place, facts }];
    turn.refuse(facts.refused);
    // It is to be judged again when its time is nearer.
    if (facts.refused === 'future') isOver[place] = false;
    return [];
  }
}

interface Wanted {
  readonly key: string;
  readonly url: string;
}
interface Fetched {
  readonly key: string;
  readonly messages: readonly ForeignMessage[];
}

/** What is counted of one reading. */
class Turn {
  isWhole = true;
  taken = 0;
  /** Links that are done with. */
  done = 0;
  /** Links in a row that could not be reached. */
  inRow = 0;
  missing = 0;
  readonly #refused = new Map<string, number>();
  readonly #strangers = new Set<string>();

  refuse(why: string): void {
    this.#refused.set(why, (this.#refused.get(why) ?? 0) + 1);
  }
  stranger(sender: string): void {
    this.refuse('sender');
    if (this.#strangers.size < MAX_STRANGERS) this.#strangers.add(sender.slice(0, 200));
  }
  report(): Omit<FeedReport, 'findings'> {
    const { taken, missing, isWhole } = this;
    return {
      taken,
      missing,
      isWhole,
      refused: Object.fromEntries(this.#refused),
      strangers: [...this.#strangers],
    };
  }
}

const digest = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 16);

/** None for a mark of another list of senders, or of another form: then all is fetched anew. */
function heldOf(mark: string | undefined, version: string): Set<string> {
  if (mark === undefined) return new Set();
  const { version: of, held } = JSON.parse(mark) as { version?: string; held?: readonly string[] };
  return new Set(of === version ? held : []);
}
