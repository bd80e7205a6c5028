import { type CapOutput, capMessage, type EarlierMessage } from '../../alerts/cap/emit.ts';
import { atomFeed, etag, feedEntry, rssFeed } from '../../alerts/cap/feed.ts';
import type { CapGate } from '../../alerts/cap/gate.ts';
import type { ReadAlert } from '../../alerts/cap/read/message.ts';
import { checkProfile, type ProfileName } from '../../alerts/cap/read/profiles.ts';
import type { Finding } from '../../alerts/cap/read/verdict.ts';
import { serializeCap } from '../../alerts/cap/serialize.ts';
import { signCap } from '../../alerts/cap/sign.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Border } from '../../model/area.ts';
import { drillMarks } from '../../model/environment.ts';
import type { Language } from '../../model/language.ts';
import type { Rule } from '../../model/rule.ts';
import { isSelfTest, SELF_TEST } from '../../model/self-test.ts';
import type { Subject } from '../../model/subject.ts';
import { hazards, operatorHazards } from '../../rules/hazard.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { StoredRevision } from '../../store/ledger/stored-revision.ts';
import type { Place } from '../deliveries/places.ts';
import type { CapSigning } from './signing.ts';

export interface CapPublisherOptions {
  readonly ledger: Ledger;
  readonly gate: CapGate;
  readonly environment: 'actual' | 'exercise' | 'test';
  readonly server: { readonly id: string; readonly sender: string; readonly name: string };
  readonly baseUrl: () => string;
  readonly rules: (ruleSet: string) => Promise<readonly Rule[]>;
  readonly place: (subject: Subject) => Place | undefined;
  /** The border of a municipality by its IBGE geocode, where it was imported. */
  readonly border?: (code: string) => Border | undefined;
  /** Signs every message; without it they leave unsigned. */
  readonly signing?: Pick<CapSigning, 'signer' | 'state'>;
  /** The kind of receiver that messages are written for. */
  readonly profile?: ProfileName;
  /** A message lacks what the profile asks: it leaves all the same. */
  readonly onUnfit?: (alert: string, findings: readonly Finding[]) => void;
  /** Of the system's test of itself, which is at no station. */
  readonly timeZone?: string;
  readonly onInvalid: (alert: string, problems: readonly string[]) => void;
}

export interface FeedRequest {
  readonly format: 'atom' | 'rss';
  readonly language?: Language;
  readonly hazard?: string;
  readonly area?: string;
  /** Where the page before ended. */
  readonly before?: string;
}

interface Feed {
  readonly body: string;
  readonly etag: string;
  /** When its newest message was made, epoch ms; 0 without one. */
  readonly updatedAt: number;
}

const FEED_LIMIT = 200;
/** Feeds in memory, 100 kB each at most. */
const MAX_FEEDS = 64;

/** Makes the CAP message of each revision, lets it through the gate, and keeps it; the feeds are made of what is kept. */
export class CapPublisher {
  readonly #options: CapPublisherOptions;
  readonly #feeds = new Map<string, { readonly state: string; readonly feed: Feed }>();

  constructor(options: CapPublisherOptions) {
    this.#options = options;
  }

  /** How it stands with the certificate that signs; undefined: nothing is signed. */
  get signature(): ReturnType<CapSigning['state']> | undefined {
    return this.#options.signing?.state();
  }

  /**
   * Publishes one revision. A message that cannot be made or that the gate refuses does not leave: it is told, and the
   * alert's other ways go on.
   */
  async publish(stored: StoredRevision): Promise<void> {
    const { event, draft } = stored.revision;
    // What waits for approval is no message yet.
    if (draft) return;
    if (operatorHazards.has(event.hazard) || (await this.#options.ledger.cap(event.alert, event.revision)))
      return;
    let output: CapOutput | undefined;
    try {
      output = await this.#message(stored);
    } catch (error) {
      if (!(error instanceof AtalaiaError) || error.code !== 'ATL_CAP_INVALID') throw error;
      this.#options.onInvalid(event.alert, [error.message]);
      return;
    }
    if (!output) return;
    // Once, before it is kept: what is served later is these bytes.
    const xml = this.#written(output);
    const problems = this.#options.gate.check(xml);
    if (problems.length > 0) {
      this.#options.onInvalid(event.alert, problems);
      return;
    }
    // No receiver's wish keeps a warning from all others.
    const { profile, onUnfit } = this.#options;
    const unfit = profile ? checkProfile(output.message as unknown as ReadAlert, profile) : [];
    if (unfit.length > 0) onUnfit?.(event.alert, unfit);
    await this.#options.ledger.putCap({
      alert: event.alert,
      revision: event.revision,
      identifier: output.identifier,
      sentText: output.sentText,
      xml,
      createdAt: event.issuedAt,
    });
  }

  #written({ message }: CapOutput): string {
    const plain = serializeCap(message);
    const signer = this.#options.signing?.signer();
    return signer ? signCap(plain, signer) : plain;
  }

  /**
   * The message of the system's test of itself, of status Test whatever the environment; undefined: it is none, or the gate
   * refuses it. It is not kept, so it stands in no feed.
   */
  async selfTest(alert: string, number: number): Promise<string | undefined> {
    const history = await this.#options.ledger.history(alert);
    const revision = history.find((one) => one.revision.event.revision === number)?.revision;
    if (!revision?.rule || !isSelfTest(revision.event)) return undefined;
    const { server, timeZone = 'America/Sao_Paulo' } = this.#options;
    const { id } = revision.event.subject;
    const output = capMessage({
      revision,
      rule: revision.rule,
      station: {
        ...{ id, name: server.name, region: id, timeZone, latitude: 0, longitude: 0 },
        ...{ altitude: null, intervalMs: null },
      },
      hazard: {
        capCategory: 'Other',
        event: revision.rule.title,
        eventCode: { valueName: 'ATALAIA', value: SELF_TEST },
      },
      ...{ environment: 'test', serverId: server.id, sender: server.sender, senderName: server.name },
      earlier: [],
    });
    if (!output) return undefined;
    const xml = this.#written(output);
    const problems = this.#options.gate.check(xml);
    if (problems.length > 0) this.#options.onInvalid(alert, problems);
    return problems.length > 0 ? undefined : xml;
  }

  async #message({ revision }: StoredRevision): Promise<CapOutput | undefined> {
    const { event } = revision;
    const rule =
      revision.rule ?? (await this.#options.rules(revision.ruleSet)).find(({ name }) => name === event.rule);
    const place = this.#options.place(event.subject);
    const hazard = hazards.get(event.hazard);
    if (!rule || !place || !hazard) {
      throw new AtalaiaError(
        'ATL_CAP_INVALID',
        `Alert ${event.alert} names rule ${event.rule}, ${event.subject.kind} ${event.subject.id} and hazard ${event.hazard}; one of them is not known any more.`,
      );
    }
    const { environment, server } = this.#options;
    const { station } = place;
    // A named area is no municipality, though its home is one.
    const border =
      event.subject.kind === 'station' || event.subject.id === station.region
        ? this.#options.border?.(station.region)
        : undefined;
    return capMessage({
      revision,
      rule,
      ...place,
      hazard,
      environment,
      serverId: server.id,
      sender: server.sender,
      senderName: server.name,
      web: `${this.#options.baseUrl()}/alerts/${event.alert}`,
      earlier: await this.#earlier(event.alert, event.revision),
      ...(/^\d{7}$/.test(station.region)
        ? { municipality: { code: station.region, name: border?.name ?? station.name } }
        : {}),
      ...(border ? { border } : {}),
      ...(this.#options.profile ? { profile: this.#options.profile } : {}),
    });
  }

  async #earlier(alert: string, before: number): Promise<EarlierMessage[]> {
    const earlier: EarlierMessage[] = [];
    for (const { revision } of await this.#options.ledger.history(alert)) {
      if (revision.event.revision >= before) continue;
      const kept = await this.#options.ledger.cap(alert, revision.event.revision);
      if (kept)
        earlier.push({ identifier: kept.identifier, sentText: kept.sentText, expiresAt: revision.expiresAt });
    }
    return earlier;
  }

  /**
   * A feed of the messages kept. Made anew only when other messages stand in it, whoever made them: several processes
   * may share the ledger, and one may commit a message late, behind newer ones.
   */
  async feed({ format, language, before, ...which }: FeedRequest): Promise<Feed> {
    const { ledger, server } = this.#options;
    const filter = { ...which, ...(before === undefined ? {} : { before }) };
    const name = JSON.stringify([format, language, before, which.hazard, which.area]);
    const stateOf = (places: readonly string[]): string => [this.#options.baseUrl(), ...places].join(' ');
    const kept = this.#feeds.get(name);
    if (kept && kept.state === stateOf(await ledger.capPlaces(FEED_LIMIT, filter))) return kept.feed;
    const rows = await ledger.capFeed(FEED_LIMIT, filter);
    // Of the rows themselves: two reads may see two states of the ledger.
    const state = stateOf(rows.map(({ place }) => place));
    const query = (changes: object): string => {
      const entries = Object.entries({ ...which, ...(language ? { lang: language } : {}), ...changes });
      const text = new URLSearchParams(entries.filter(([, value]) => value !== undefined)).toString();
      return text && `?${text}`;
    };
    const updatedAt = rows[0]?.createdAt ?? 0;
    const entries = rows.map((row) => feedEntry(row, language));
    const mark = drillMarks[this.#options.environment]?.[language ?? 'pt-BR'];
    const meta = {
      title: mark ? `${mark} – ${server.name}` : server.name,
      author: server.name,
      baseUrl: this.#options.baseUrl(),
      updatedAt,
      ...(language ? { language } : {}),
      query: query({ before }),
      next: (shown: number) =>
        shown > 0 && (shown < rows.length || rows.length === FEED_LIMIT)
          ? query({ before: rows[shown - 1]?.place })
          : undefined,
    };
    const body = format === 'atom' ? atomFeed(entries, meta) : rssFeed(entries, meta);
    const feed = { body, etag: etag(body), updatedAt };
    if (this.#feeds.size >= MAX_FEEDS) this.#feeds.clear();
    this.#feeds.set(name, { state, feed });
    return feed;
  }
}
