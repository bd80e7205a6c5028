import { z } from 'zod';
import { AtalaiaError } from '../../lib/errors.ts';
import { languages } from '../../model/language.ts';
import { levelNames } from '../../model/rule.ts';
import { name } from '../input.ts';
import { subscriptionRules } from '../subscription-rules.ts';

const { hazards, quiet, places } = subscriptionRules;
const MOST_AREAS = 50;
const MOST_PLACES = 5;

/** The body of `POST /subscribers`: what a person may ask for, less than an operator may. */
export const subscriberBody = z
  .strictObject({
    channel: name,
    address: z.string().min(1).max(254),
    level: z.enum(levelNames),
    /** Ids of stations and areas, codes of regions, or everything. */
    areas: z.union([z.literal('all'), z.array(name).min(1).max(MOST_AREAS)]).optional(),
    places: places.unwrap().max(MOST_PLACES).optional(),
    hazards,
    /** The first one is the language of the messages, the confirmation included. */
    languages: z.array(z.enum(languages)).min(1).max(languages.length).optional(),
    quiet,
    /** That the text of the consent, as `GET /api/v1/subscribers/options` has it, was read and agreed to. */
    consent: z.literal(true),
  })
  .refine(({ areas, places: given }) => areas !== undefined || (given?.length ?? 0) > 0, {
    message: 'names no place: give areas or places',
  });

/** The body of `POST /subscribers/manage`. */
export const manageBody = z.strictObject({
  channel: name,
  address: z.string().min(1).max(254),
  language: z.enum(languages).default('pt-BR'),
});

const TOKEN = /^[\w.-]{20,120}$/;
/** A token that was sent to the address. */
export const tokenBody = z.strictObject({ token: z.string().regex(TOKEN, 'is no token') });

/** The body of what admins do on request: `channels` with this address, all unless given. */
export const personBody = z.strictObject({ address: z.string().min(1).max(254) });

/** What an address of a person looks like, by the kind of its channel. A group or a public channel is nobody's own. */
const addresses: Readonly<Record<string, { readonly form: RegExp; readonly example: string }>> = {
  email: { form: /^[^\s@<>,;:"()[\]\\]{1,64}@[a-z0-9.-]{1,190}$/, example: 'ana@example.org' },
  sms: { form: /^\+[1-9]\d{6,14}$/, example: '+5551999998888' },
  whatsapp: { form: /^\+[1-9]\d{6,14}$/, example: '+5551999998888' },
  telegram: { form: /^[1-9]\d{0,19}$/, example: '123456789, the number of your chat with the bot' },
};

/** Kinds of channels where an address is a person's. */
export const isPersonal = (kind: string): boolean => kind in addresses;

/** The address as it is kept: in lower case, a telephone number without blanks and hyphens. */
export function plainAddress(given: string): string {
  const text = given.normalize('NFKC').trim().toLowerCase();
  return text.startsWith('+') ? text.replace(/[\s().-]/g, '') : text;
}

/** An address of the kind as it is kept. Throws ATL_INPUT. */
export function addressOf(kind: string, given: string): string {
  const text = plainAddress(given);
  const known = addresses[kind];
  if (known?.form.test(text)) return text;
  throw new AtalaiaError('ATL_INPUT', `Body \`address\`: an address such as ${known?.example} is expected.`);
}
