import { createHash } from 'node:crypto';
import { AtalaiaError } from '../../../lib/errors.ts';
import { parseInstant } from '../../../model/time.ts';
import { unpack } from '../../decode/body.ts';
import type { JsonObject } from '../../decode/json.ts';
import { arrayOf, finiteOf, jsonOf, objectOf } from '../../formats/json-message.ts';

const MAX_TEXT = 2000;
const MAX_LINKS = 20;
/** Methods of the specification, as it names them and as OpenSSL does. */
const methods = new Set(['sha256', 'sha384', 'sha512', 'sha3-256', 'sha3-384', 'sha3-512']);

/** What a WIS2 Notification Message says of the data that it announces. */
export interface Notification {
  /** Unlike for every message; a Global Cache gives a new one to what it repeats. */
  readonly id: string;
  /** The same wherever the data lie. */
  readonly dataId: string;
  /** When the data, or this version of them, were published, epoch ms. */
  readonly publishedAt: number;
  /** WIGOS identifier of the station, where the producer says it. */
  readonly station: string | undefined;
  /** Where the data lie; empty when nowhere. */
  readonly places: readonly string[];
  /** The data were withdrawn. */
  readonly isDeletion: boolean;
  /** Media type of the data, as the link says. */
  readonly type: string | undefined;
  readonly integrity: { readonly method: string; readonly value: string } | undefined;
  readonly content:
    | { readonly encoding: string; readonly value: string; readonly size: number | undefined }
    | undefined;
}

/** Whether a message is meant as a notification, complete or not. */
export function isNotification(body: Uint8Array): boolean {
  try {
    const feature = objectOf(jsonOf({ body, receivedAt: 0 }));
    const properties = objectOf(feature.properties);
    return feature.type === 'Feature' && 'data_id' in properties && 'pubtime' in properties;
  } catch {
    return false;
  }
}

/**
 * Reads a WIS2 Notification Message 1 (WMO, Manual on WIS, Volume II, WIS2 Notification Message Encoding; its schema
 * lies at schemas.wmo.int/wnm): a GeoJSON feature.
 * @throws AtalaiaError ATL_UNREADABLE when it is none, with what is missing
 */
export function readNotification(body: Uint8Array): Notification {
  const feature = objectOf(jsonOf({ body, receivedAt: 0 }));
  const properties = objectOf(feature.properties);
  if (feature.type !== 'Feature' || typeof properties.data_id !== 'string')
    throw notThis('a GeoJSON feature with properties.data_id is expected');
  const publishedAt = typeof properties.pubtime === 'string' ? parseInstant(properties.pubtime) : undefined;
  if (publishedAt === undefined)
    throw notThis('properties.pubtime is no instant such as 2024-05-01T00:00:00Z');
  const id = typeof feature.id === 'string' ? feature.id : '';
  const dataId = properties.data_id;
  if (dataId.length > MAX_TEXT || id.length > MAX_TEXT)
    throw notThis(`id or properties.data_id has over ${MAX_TEXT} letters`);
  const links = arrayOf(feature.links).slice(0, MAX_LINKS).map(objectOf);
  const withRel = (...rels: string[]): JsonObject[] => links.filter(({ rel }) => rels.includes(String(rel)));
  const data = withRel('update', 'canonical');
  const station = properties.wigos_station_identifier;
  return {
    ...{ id, dataId, publishedAt },
    station: typeof station === 'string' ? station.slice(0, MAX_TEXT) : undefined,
    places: data.flatMap(({ href }) => (typeof href === 'string' ? [href.slice(0, MAX_TEXT)] : [])),
    isDeletion: withRel('deletion').length > 0,
    type: typeof data[0]?.type === 'string' ? data[0].type : undefined,
    integrity: integrityOf(objectOf(properties.integrity)),
    content: contentOf(objectOf(properties.content)),
  };
}

function integrityOf({ method, value }: JsonObject): Notification['integrity'] {
  if (method === undefined && value === undefined) return undefined;
  if (typeof method !== 'string' || !methods.has(method) || typeof value !== 'string')
    throw notThis(
      `properties.integrity needs a value in Base64 and one of the methods ${[...methods].join(', ')}`,
    );
  return { method, value };
}

function contentOf({ encoding, value, size }: JsonObject): Notification['content'] {
  if (typeof value !== 'string' || typeof encoding !== 'string') return undefined;
  return { encoding, value, size: finiteOf(size) };
}

/**
 * The data that the notification carries itself; undefined when it carries none.
 * @throws AtalaiaError ATL_UNREADABLE when they are damaged, ATL_TOO_LARGE when over 8 MiB
 */
export function inlineData(notification: Notification): Uint8Array | undefined {
  const { content } = notification;
  if (!content) return undefined;
  const packed = Buffer.from(content.value, content.encoding === 'utf-8' ? 'utf8' : 'base64');
  const data = content.encoding === 'gzip' ? unpack(packed, 'gzip') : packed;
  if (!['utf-8', 'base64', 'gzip'].includes(content.encoding))
    throw notThis(`properties.content.encoding ${content.encoding} is none of utf-8, base64 and gzip`);
  // Some count the bytes before they are unpacked.
  if (content.size !== undefined && content.size !== data.length && content.size !== packed.length)
    throw notThis(`properties.content.size is ${content.size}, but ${data.length} bytes came`);
  checkIntegrity(notification, data);
  return data;
}

/** @throws AtalaiaError ATL_UNREADABLE when the data are not those that were announced */
export function checkIntegrity({ integrity, dataId }: Notification, data: Uint8Array): void {
  if (!integrity) return;
  const digest = createHash(integrity.method).update(data).digest();
  if (!digest.equals(Buffer.from(integrity.value, 'base64')))
    throw new AtalaiaError(
      'ATL_UNREADABLE',
      `The data of ${dataId} (${data.length} bytes) have not the ${integrity.method} that the notification says: they were changed or cut short on the way.`,
    );
}

const notThis = (what: string): AtalaiaError =>
  new AtalaiaError('ATL_UNREADABLE', `The message is no WIS2 notification that can be used: ${what}.`);
