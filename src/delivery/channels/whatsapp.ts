import { z } from 'zod';
import { drillMark, headlineText, messageText, textLimits, within } from '../../alerts/message-text.ts';
import { levelWord } from '../../alerts/text.ts';
import type { Language } from '../../model/language.ts';
import { environmentOf } from '../../model/self-test.ts';
import type { Channel, Notification, Outcome } from '../channel.ts';
import { createHttp, type HttpAnswer, jsonOf, later, outcomeOf } from './http.ts';
import { httpUrl, PHONE, personalKeys, type TextDeps, toldOf, withLeave } from './text.ts';

const name = z
  .string()
  .regex(/^[a-z0-9_]{1,512}$/, 'the name of a template is expected, such as alerta_clima');
const places = ['text', 'headline', 'level', 'place', 'alert'] as const;

export const whatsappConfig = z.strictObject({
  kind: z.literal('whatsapp'),
  /** Access token of a system user. */
  token: z.string().min(20).max(2000),
  /** Id of the sending number, not the number itself. */
  phoneNumberId: z.string().regex(/^\d{5,30}$/, 'the id of a sending number is expected'),
  /** The approved template of the real thing. */
  template: name,
  /** The approved template of drills, whose fixed text says so; without it a drill sends nothing. */
  drillTemplate: name.optional(),
  /** The approved template of letters to people who subscribe themselves, {{1}} their whole text; without it none is sent. */
  noticeTemplate: name.optional(),
  /** What fills {{1}}, {{2}} … of the template's body. */
  parameters: z.array(z.enum(places)).min(1).max(10).default(['text']),
  /** Codes under which the template was approved. */
  codes: z.strictObject({ 'pt-BR': z.string().default('pt_BR'), en: z.string().default('en') }).prefault({}),
  version: z
    .string()
    .regex(/^v\d{1,3}\.\d$/)
    .default('v23.0'),
  url: httpUrl.default('https://graph.facebook.com'),
  ...personalKeys,
});
export type WhatsappConfig = z.infer<typeof whatsappConfig>;

interface Filled {
  readonly template: string;
  readonly texts: readonly string[];
  readonly language: Language;
  readonly key: string;
}

/** Codes that pass: rates (4, 80007, 130429, 131048, 131056), faults of the service, and a token that has to be renewed. */
const passing = new Set([
  0, 1, 2, 4, 190, 80007, 130429, 131000, 131005, 131016, 131048, 131056, 131057, 133004,
]);
/** One number may be written to once in 6 s. */
const PAIR_RATE = 131056;
const PAIR_RATE_MS = 6000;

/** A channel of the WhatsApp Cloud API: a template message, the only kind that may begin a talk. */
export function createWhatsapp(config: WhatsappConfig, deps: TextDeps): Channel {
  const { token, allowPrivate, version, phoneNumberId } = config;
  const http = createHttp({ ...deps, allowPrivate, secrets: [token] });
  const target = `${config.url.replace(/\/$/, '')}/${version}/${phoneNumberId}/messages`;
  const send = async (to: string, filled: Filled, signal: AbortSignal): Promise<Outcome> => {
    if (!PHONE.test(to)) return { kind: 'rejected', reason: 'no telephone number such as +5551999998888' };
    const { template, texts, language, key } = filled;
    const parameters = texts.map((text) => ({ type: 'text', text }));
    const body = JSON.stringify({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: to.slice(1),
      type: 'template',
      template: {
        name: template,
        language: { code: config.codes[language] },
        components: [{ type: 'body', parameters }],
      },
      // Comes back with every receipt of Meta's webhook.
      biz_opaque_callback_data: key.slice(0, 512),
    });
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    return http.send(target, { headers, body }, signal, (answer) => judge(answer, deps.clock.now()));
  };
  return {
    async deliver(notification, signal) {
      const isReal = environmentOf(notification.event, deps.environment) === 'actual';
      const template = isReal ? config.template : config.drillTemplate;
      if (template === undefined)
        return {
          kind: 'rejected',
          reason: 'a drill needs drillTemplate: the fixed text of template is the real thing',
        };
      const language = notification.language ?? config.language;
      const texts = config.parameters.map((place) => parameterOf(place, notification, language, deps));
      return send(notification.address ?? '', { template, texts, language, key: notification.key }, signal);
    },
    async tell({ address, text, language, key }, signal) {
      const { noticeTemplate: template } = config;
      if (template === undefined)
        return { kind: 'rejected', reason: 'a letter to a subscriber needs noticeTemplate' };
      return send(address, { template, texts: [text], language, key }, signal);
    },
    close: () => http.close(),
  };
}

/** No parameter may be empty, have line feeds, or four blanks in a row. */
function parameterOf(
  place: (typeof places)[number],
  notification: Notification,
  language: Language,
  { environment }: TextDeps,
): string {
  const { event, facts } = notification;
  const told = toldOf(notification);
  if (place === 'text') {
    const fits = within(textLimits.whatsapp);
    const text = messageText(told, language, environment, fits);
    return withLeave(text, notification, language, fits).replaceAll('\n', ' ');
  }
  if (place === 'headline') return headlineText(told, language, environment, within(textLimits.whatsapp));
  const mark = drillMark(environmentOf(event, environment), language);
  const values = {
    level: levelWord(event.level, language),
    place: facts?.place ?? event.subject.id,
    alert: event.alert,
  };
  const text = values[place].replace(/\s+/g, ' ').trim() || '-';
  return `${mark === undefined ? '' : `${mark}: `}${text}`.slice(0, textLimits.whatsapp);
}

function judge(answer: HttpAnswer, now: number): Outcome {
  const { messages, error } = jsonOf(answer.text) as {
    messages?: readonly { id?: unknown }[];
    error?: { code?: unknown; message?: unknown; error_data?: { details?: unknown } };
  };
  const id = Array.isArray(messages) ? messages[0]?.id : undefined;
  if (answer.status < 300)
    return typeof id === 'string'
      ? { kind: 'delivered', receipt: `WhatsApp ${id}` }
      : later(`WhatsApp ${answer.status}: no answer of the Graph API`);
  if (typeof error?.code !== 'number') return outcomeOf(answer, now);
  const reason = `WhatsApp ${error.code}: ${error.error_data?.details ?? error.message ?? ''}`;
  if (!passing.has(error.code)) return { kind: 'rejected', reason };
  const outcome = outcomeOf({ ...answer, status: 429 }, now);
  const asked = outcome.kind === 'retry-later' ? outcome.afterMs : undefined;
  // Too many messages to this number, not of ours together.
  if (error.code === PAIR_RATE) return { ...later(reason, asked ?? PAIR_RATE_MS), isReceivers: true };
  return later(reason, asked);
}
