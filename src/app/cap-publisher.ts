import { type CapOutput, capMessage, type EarlierMessage } from '../alerts/cap/emit.ts';
import { atomFeed, etag, feedEntry, rssFeed } from '../alerts/cap/feed.ts';
import type { CapGate } from '../alerts/cap/gate.ts';
import { serializeCap } from '../alerts/cap/serialize.ts';
import { AtalaiaError } from '../lib/errors.ts';
import type { Subject } from '../model/alert.ts';
import type { Rule } from '../model/rule.ts';
import { hazards } from '../rules/hazard.ts';
import type { Ledger, StoredRevision } from '../store/ledger/ledger.ts';
import type { Place } from './places.ts';

export interface CapPublisherOptions {
  readonly ledger: Ledger;
  readonly gate: CapGate;
  readonly environment: 'actual' | 'exercise' | 'test';
  readonly server: { readonly id: string; readonly sender: string; readonly name: string };
  readonly baseUrl: () => string;
  readonly rules: (ruleSet: string) => Promise<readonly Rule[]>;
  readonly place: (subject: Subject) => Place | undefined;
  readonly onInvalid: (alert: string, problems: readonly string[]) => void;
}

const FEED_LIMIT = 200;
/** Told to the people who run the system, never to the public. */
const operatorHazards: ReadonlySet<string> = new Set(['station-silent']);

/** Makes the CAP message of each revision, lets it through the gate, and keeps it; the feeds are made of what is kept. */
export class CapPublisher {
  readonly #options: CapPublisherOptions;
  #feed: { readonly key: string; readonly atom: string; readonly rss: string } | null = null;

  constructor(options: CapPublisherOptions) {
    this.#options = options;
  }

  /**
   * Publishes one revision. A message that cannot be made or that the gate refuses does not leave: it is told, and the
   * alert's other ways go on.
   */
  async publish(stored: StoredRevision): Promise<void> {
    const { event } = stored.revision;
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
    const xml = serializeCap(output.message);
    const problems = this.#options.gate.check(xml);
    if (problems.length > 0) {
      this.#options.onInvalid(event.alert, problems);
      return;
    }
    await this.#options.ledger.putCap({
      alert: event.alert,
      revision: event.revision,
      identifier: output.identifier,
      sentText: output.sentText,
      xml,
      createdAt: event.issuedAt,
    });
    this.#feed = null;
  }

  async #message({ revision }: StoredRevision): Promise<CapOutput | undefined> {
    const { event } = revision;
    const rule = (await this.#options.rules(revision.ruleSet)).find(({ name }) => name === event.rule);
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
        ? { municipality: { code: station.region, name: station.name } }
        : {}),
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

  async feed(format: 'atom' | 'rss', updatedAt: number): Promise<{ body: string; etag: string }> {
    if (!this.#feed) {
      const rows = await this.#options.ledger.capFeed(FEED_LIMIT);
      const newest = rows[0]?.createdAt ?? updatedAt;
      const meta = {
        title: this.#options.server.name,
        author: this.#options.server.name,
        baseUrl: this.#options.baseUrl(),
        updatedAt: newest,
      };
      const entries = rows.map((row) => feedEntry(row));
      this.#feed = { key: String(newest), atom: atomFeed(entries, meta), rss: rssFeed(entries, meta) };
    }
    const body = this.#feed[format];
    return { body, etag: etag(body) };
  }
}
