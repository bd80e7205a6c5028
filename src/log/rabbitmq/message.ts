import { AtalaiaError } from '../../lib/errors.ts';
import type { ConsumeMessage } from './client.ts';
import type { Found } from './tail.ts';

/** Header of a record's key. */
export const KEY_HEADER = 'atalaia-key';
/** Header in which RabbitMQ tells the offset of a record of a stream. */
const OFFSET_HEADER = 'x-stream-offset';

/** A delivery as a record. A message of another program has an empty key. @throws ATL_CONFIG when the queue is no stream */
export function foundIn(message: ConsumeMessage): Found {
  const headers = message.properties.headers ?? {};
  const offset = headers[OFFSET_HEADER] as unknown;
  if (typeof offset !== 'number')
    throw new AtalaiaError(
      'ATL_CONFIG',
      `Queue ${message.fields.routingKey} is no stream: its messages have no ${OFFSET_HEADER}. Give the log another name.`,
    );
  const key = headers[KEY_HEADER] as unknown;
  return { offset, key: typeof key === 'string' ? key : '', payload: message.content };
}
