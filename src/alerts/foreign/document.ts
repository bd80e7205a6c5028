import { isJson, readGeoJson } from '../cap/read/geojson.ts';
import type { ReadAlert } from '../cap/read/message.ts';
import type { CapReader, CapReading } from '../cap/read/reader.ts';
import type { Finding, Verdict } from '../cap/read/verdict.ts';

/** A message of another authority. */
export interface ForeignMessage {
  readonly alert: ReadAlert;
  readonly faulty: boolean;
}

/** A message that a feed only names: to be fetched when `id` or `updated` is new. */
export interface ForeignLink {
  readonly id: string;
  readonly updated: string;
  /** Absolute, http or https. */
  readonly url: string;
}

/** What one document holds. Nothing was fetched. */
export interface ForeignDocument {
  readonly messages: readonly ForeignMessage[];
  readonly links: readonly ForeignLink[];
  /** What was passed over, or refused as a whole. */
  readonly findings: readonly Finding[];
}

/** Messages that could attack us, that are none, or that were altered after signing; other faults do not hide a warning. */
const untrusted: ReadonlySet<Verdict> = new Set(['reject-security', 'reject-malformed', 'sig-invalid']);

/**
 * Reads a document of another authority: a CAP message, an Atom or RSS feed with messages inside or behind links, or
 * GeoJSON of the National Weather Service of the United States. Never throws for what the bytes are.
 * @param base where the document came from; relative links count from there. Without it they are passed over.
 */
export function readForeign(reader: CapReader, bytes: Uint8Array, base?: string): ForeignDocument {
  if (isJson(bytes)) {
    const { alerts, findings } = readGeoJson(bytes);
    return { messages: alerts.map((alert) => ({ alert, faulty: false })), links: [], findings };
  }
  const reading = reader.read(bytes);
  const { entries } = reading;
  if (entries === undefined) {
    const messages = messagesOf(reading);
    return { messages, links: [], findings: messages.length > 0 ? [] : reading.findings };
  }
  const messages: ForeignMessage[] = [];
  const links: ForeignLink[] = [];
  let bare = 0;
  for (const { id, updated, link, readings } of entries) {
    const inside = readings.flatMap(messagesOf);
    messages.push(...inside);
    // Behind the link of a faulty one the whole message may stand.
    if (inside.some(({ faulty }) => !faulty)) continue;
    const url = webAddress(link, base);
    if (url !== undefined) links.push({ id: id || url, updated, url });
    else if (inside.length === 0) bare++;
  }
  const reason = `${bare} of ${entries.length} entries have neither a message that can be read nor a link to one`;
  const lost: readonly Finding[] = bare === 0 ? [] : [{ verdict: 'accept-warn', clause: 'feed', reason }];
  return { messages, links, findings: [...reading.findings, ...lost] };
}

const messagesOf = ({ verdict, alerts }: CapReading): readonly ForeignMessage[] =>
  untrusted.has(verdict) ? [] : alerts.map((alert) => ({ alert, faulty: !verdict.startsWith('accept') }));

/** The absolute form of a link; undefined for what is not http or https, and for one with a name or password. */
function webAddress(link: string, base: string | undefined): string | undefined {
  if (link === '' || !URL.canParse(link, base)) return undefined;
  const url = new URL(link, base);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined;
  return url.username === '' && url.password === '' ? url.href : undefined;
}
