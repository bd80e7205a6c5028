import { z } from 'zod';
import { selfTestRecipient } from '../../model/self-test.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../model/time.ts';
import { unknownWord } from '../../rules/words.ts';
import type { Subscription } from '../../store/ledger/subscription.ts';
import { span } from '../config/span.ts';

const LEAST_MS = 10_000;
const isTimeZone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
};

/** Once a day the system warns itself, over every channel, and looks whether that arrives. */
export const selfTestConfig = z
  .strictObject({
    /** `hh:mm` at the place. */
    at: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time such as 09:00 is expected'),
    timeZone: z
      .string()
      .refine(isTimeZone, 'an IANA time zone such as America/Sao_Paulo is expected')
      .default('America/Sao_Paulo'),
    channels: z.union([z.literal('all'), z.array(z.string()).min(1).max(100)]).default('all'),
    /** Where to, for channels that have no receiver of their own: name of the channel, address. */
    addresses: z.record(z.string(), z.string().min(1).max(2000)).default({}),
    deadline: span
      .refine((ms) => ms >= LEAST_MS && ms <= HOUR_MS, 'from 10s to 1h is expected')
      .default(5 * MINUTE_MS),
  })
  .optional();

export type SelfTestConfig = NonNullable<z.infer<typeof selfTestConfig>>;

interface Channels {
  readonly channels: Readonly<Record<string, { readonly kind: string; readonly [key: string]: unknown }>>;
  readonly selfTest?: SelfTestConfig | undefined;
}

/** Kinds that send to a person's address alone. */
const personal = new Set(['email', 'sms', 'whatsapp', 'web-push']);
const needsAddress = ({ kind, chat, topic }: Channels['channels'][string]): boolean =>
  personal.has(kind) ||
  (kind === 'telegram' && chat === undefined) ||
  (kind === 'sns' && topic === undefined);

const namesOf = ({ channels }: SelfTestConfig, all: Channels['channels']): readonly string[] =>
  channels === 'all' ? Object.keys(all) : [...new Set(channels)];

/** What of `selfTest` cannot be: sentences with their place. */
export function selfTestProblems({ channels, selfTest }: Channels): string[] {
  if (!selfTest) return [];
  const known = Object.keys(channels);
  const named = [...namesOf(selfTest, channels), ...Object.keys(selfTest.addresses)];
  const strange = named.filter((name) => !channels[name]);
  if (strange[0] !== undefined) return [`selfTest: ${unknownWord('channel', strange[0], known)}`];
  if (known.length === 0) return ['selfTest: there is no channel to test. Give channels, or leave it out.'];
  return namesOf(selfTest, channels).flatMap((name) =>
    needsAddress(channels[name] as Channels['channels'][string]) && selfTest.addresses[name] === undefined
      ? [`selfTest.addresses.${name}: this channel has no receiver of its own. Give the address to test.`]
      : [],
  );
}

/** One subscription for each channel that is tested. */
export const selfTestSubscriptions = ({ channels, selfTest }: Channels): readonly Subscription[] =>
  selfTest
    ? namesOf(selfTest, channels).map((channel) => ({
        ...{ id: selfTestRecipient(channel), name: `self-test ${channel}`, channel, level: 'yellow' },
        areas: [],
        ...(selfTest.addresses[channel] === undefined ? {} : { address: selfTest.addresses[channel] }),
      }))
    : [];

/** Ms after local midnight. */
export function timeOfDay({ at }: Pick<SelfTestConfig, 'at'>): number {
  return (Number(at.slice(0, 2)) * HOUR_MS + Number(at.slice(3)) * MINUTE_MS) % DAY_MS;
}
