import { z } from 'zod';
import { messageText, smsText, withinSegments } from '../../alerts/message-text.ts';
import { smsSize, toGsm } from '../../alerts/sms.ts';
import type { Channel, Notification, Outcome } from '../channel.ts';
import { createHttp, type HttpAnswer, outcomeOf } from './http.ts';
import { PHONE, personalKeys, type TextDeps, toldOf, withLeave } from './text.ts';

const PLACE = /\{(\w+)\}/g;
const places = ['to', 'number', 'text', 'key', 'segments'];
const template = z
  .string()
  .max(4000)
  .refine(
    (text) => [...text.matchAll(PLACE)].every(([, name]) => places.includes(name as string)),
    `only {${places.join('}, {')}} stand for something`,
  );

export const smsConfig = z
  .strictObject({
    kind: z.literal('sms'),
    /** The gateway; `{to}` (+5551…), `{number}` (without +), `{text}`, `{key}` and `{segments}` stand for the message's. */
    url: template.regex(/^https?:\/\/[^{}\s/?#]+([/?#]\S*)?$/, 'an address of http or https is expected'),
    method: z.enum(['POST', 'PUT', 'GET']).default('POST'),
    headers: z.record(z.string().regex(/^[\w-]{1,100}$/), z.string().max(4000)).default({}),
    contentType: z.string().max(100).default('application/json'),
    /** The same places as in the address, written as the content type asks for (JSON, form, XML or plain). */
    body: template.default('{"to":"{to}","text":"{text}","id":"{key}"}'),
    /** Parts that one text may take. */
    segments: z.int().min(1).max(6).default(2),
    /** Texts with every accent, in UCS-2: 70 characters a part instead of 160. */
    unicode: z.boolean().default(false),
    ...personalKeys,
  })
  .refine(({ url, body }) => `${url}${body}`.includes('{text}'), 'neither url nor body holds {text}');
export type SmsConfig = z.infer<typeof smsConfig>;

/** A channel of text messages by the HTTP interface of any gateway: its form is in the configuration. */
export function createSms(config: SmsConfig, deps: TextDeps): Channel {
  const { method, headers, contentType, allowPrivate } = config;
  const http = createHttp({ ...deps, allowPrivate, secrets: secretsOf(config) });
  const send = async (to: string, key: string, text: string, signal: AbortSignal): Promise<Outcome> => {
    if (!PHONE.test(to)) return { kind: 'rejected', reason: 'no telephone number such as +5551999998888' };
    const { segments } = smsSize(text);
    const values = { to, number: to.slice(1), text, key, segments: String(segments) };
    const request = {
      method,
      headers: { ...(method === 'GET' ? {} : { 'content-type': contentType }), ...headers },
      ...(method === 'GET' ? {} : { body: filled(config.body, values, writerOf(contentType)) }),
    };
    return http.send(filled(config.url, values, encodeURIComponent), request, signal, (answer) =>
      judge(answer, deps.clock.now(), segments),
    );
  };
  return {
    deliver: (notification, signal) =>
      send(notification.address ?? '', notification.key, textOf(notification, config, deps), signal),
    // Whole, however many parts it takes: a link that is cut confirms nothing.
    tell: ({ address, key, text }, signal) => send(address, key, config.unicode ? text : toGsm(text), signal),
    close: () => http.close(),
  };
}

function textOf(notification: Notification, config: SmsConfig, { environment }: TextDeps): string {
  const language = notification.language ?? config.language;
  const told = toldOf(notification);
  const fits = withinSegments(config.segments);
  const text = config.unicode
    ? messageText(told, language, environment, fits)
    : smsText(told, language, environment, config.segments);
  return withLeave(text, notification, config.language, fits);
}

function judge(answer: HttpAnswer, now: number, segments: number): Outcome {
  const outcome = outcomeOf(answer, now);
  if (outcome.kind !== 'delivered') return outcome;
  return { kind: 'delivered', receipt: `SMS in ${segments} parts, ${outcome.receipt}: ${answer.text}` };
}

/** What of a gateway's settings may hold a password: each header's value, and each value of its query. */
function secretsOf({ url, headers }: SmsConfig): string[] {
  const query = [...(URL.parse(url.replaceAll(/[{}]/g, ''))?.searchParams.values() ?? [])];
  return [...Object.values(headers), ...query].filter((value) => value.length >= 6);
}

const filled = (
  text: string,
  values: Readonly<Record<string, string>>,
  write: (value: string) => string,
): string => text.replaceAll(PLACE, (_, name: string) => write(values[name] ?? ''));

/** How a value is written inside a body, so that no text can change the body's form. */
function writerOf(contentType: string): (value: string) => string {
  if (/json/i.test(contentType)) return (value) => JSON.stringify(value).slice(1, -1);
  if (/x-www-form-urlencoded/i.test(contentType)) return encodeURIComponent;
  if (/xml/i.test(contentType))
    return (value) => value.replace(/[<>&"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return (value) => value;
}
