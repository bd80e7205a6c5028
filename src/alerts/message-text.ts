import type { AlertEvent } from '../model/alert.ts';
import { drillMarks, type Environment } from '../model/environment.ts';
import type { Language, Text } from '../model/language.ts';
import { environmentOf, isSelfTest } from '../model/self-test.ts';
import { hazards } from '../rules/hazard.ts';
import { groupText } from './group-text.ts';
import { smsSize, toGsm } from './sms.ts';
import { alertHeadline, evidenceSentence } from './text.ts';

/** What a text tells beside the alert event: where, until when, and what to do. */
export interface AlertFacts {
  /** Name of the rule, in both languages. */
  readonly title: Text;
  readonly place: string;
  readonly instruction: Text;
  /** Until when the alert stands unless it is told again, epoch ms. */
  readonly expiresAt: number;
  /** IANA zone of the place, in which people read times. */
  readonly timeZone: string;
}

/** What is to be said: one alert, or several in one message. */
export interface Told {
  readonly event: AlertEvent;
  readonly facts?: AlertFacts;
  readonly companions?: readonly AlertEvent[];
  /** It waits for approval: whoever reads it must not take it for an alert. */
  readonly isDraft?: boolean;
  /** It was a false alarm: what people are to read. */
  readonly correction?: Text;
}

const draftWord: Text = {
  'pt-BR': 'NÃO PUBLICADO, aguarda aprovação',
  en: 'NOT PUBLISHED, needs approval',
};

/** Whether a text fits where it goes. */
export type Fits = (text: string) => boolean;

/** One place for the limits of texts, in the units of each channel. */
export const textLimits = {
  /** Cell broadcast and the short form of IPAWS (CMAMtext), characters. */
  short: 90,
  /** The long form of IPAWS (CMAMlongtext), characters. */
  medium: 360,
  /** Telegram Bot API, sendMessage `text`, characters after entities. */
  telegram: 4096,
  /** Discord, Create Message `content`. */
  discord: 2000,
  /** Slack, text of one block of kind section. */
  slack: 3000,
  /** Teams: a message of 28 KB; the text keeps well below. */
  teams: 8000,
  /** WhatsApp: one parameter of a template's body. */
  whatsapp: 1024,
  /** Web Push: what all push services carry is 4096 bytes encrypted (RFC 8030, section 7.2); JSON and padding need room. */
  push: 1000,
  /** Subject of an e-mail, one line of RFC 5322 before folding. */
  subject: 200,
  email: 20_000,
} as const;

/** The word that begins every text of a drill; undefined when it is the real thing. */
export const drillMark = (environment: Environment, language: Language): string | undefined =>
  drillMarks[environment]?.[language];

/** Fits within so many UTF-16 code units, as most services count. */
export const within =
  (limit: number): Fits =>
  (text) =>
    text.length <= limit;

/** Fits within so many parts of a text message. */
export const withinSegments =
  (segments: number): Fits =>
  (text) =>
    smsSize(text).segments <= segments;

/** `02/05 18:00`, at the place's own clock; in English `2 May 18:00`. */
export function localTime(at: number, timeZone: string, language: Language): string {
  const month = language === 'pt-BR' ? '2-digit' : 'short';
  const day = language === 'pt-BR' ? '2-digit' : 'numeric';
  const form = { timeZone, day, month, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  const parts = new Intl.DateTimeFormat(language === 'pt-BR' ? 'pt-BR' : 'en-GB', form).formatToParts(at);
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
  return `${part('day')}${language === 'pt-BR' ? '/' : ' '}${part('month')} ${part('hour')}:${part('minute')}`;
}

/** Level, hazard and place in one line, without mark: `Grande perigo: Chuvas intensas, Porto Alegre`. */
export function headlineOf({ event, facts, companions }: Told, language: Language): string {
  if (companions) return groupText(companions, language);
  // A test is of no danger: no word of a level.
  if (isSelfTest(event) && facts) return oneLine(`${facts.title[language]}, ${facts.place}`);
  const title = facts?.title ?? hazards.get(event.hazard)?.event ?? { 'pt-BR': event.rule, en: event.rule };
  const station = { id: event.subject.id, name: facts?.place ?? '' };
  return oneLine(alertHeadline(event, { title }, station, language));
}

/** The sentences after the headline, the most needed first: until when, what to do, what was measured. */
export function sentencesOf({ event, facts, companions }: Told, language: Language): string[] {
  if (companions) return [];
  const measured = event.evidence.map((one) => evidenceSentence(one, language));
  if (!facts) return measured;
  const { expiresAt, timeZone } = facts;
  if (event.event === 'ended') return [`${localTime(event.issuedAt, timeZone, language)}.`, ...measured];
  const until = `${language === 'pt-BR' ? 'Até' : 'Until'} ${localTime(expiresAt, timeZone, language)}.`;
  return [until, ...sentences(oneLine(facts.instruction[language])), ...measured];
}

/**
 * A text of an alert that fits: the mark of a drill first, always; then level, hazard and place; then as many of the
 * sentences as there is room for, in order and whole. Only the headline, when even that is too long, is shortened, at the
 * end of a word. `shape` is what the channel's alphabet makes of a text.
 */
export function messageText(
  told: Told,
  language: Language,
  environment: Environment,
  fits: Fits,
  shape: (text: string) => string = (text) => text,
): string {
  const head = shape(markedHeadline(told, language, environment));
  let text = shortened(head, fits);
  let separator = '. ';
  if (text !== head) return text;
  for (const sentence of sentencesOf(told, language)) {
    const longer = `${text}${separator}${shape(sentence)}`;
    if (!fits(longer)) break;
    text = longer;
    separator = ' ';
  }
  return text;
}

/** The headline alone, for subjects and titles: the mark of a drill first, and shortened at the end of a word. */
export const headlineText = (told: Told, language: Language, environment: Environment, fits: Fits): string =>
  shortened(markedHeadline(told, language, environment), fits);

function markedHeadline(told: Told, language: Language, environment: Environment): string {
  const mark = drillMark(environmentOf(told.event, environment), language);
  const first = [mark, told.isDraft ? draftWord[language] : undefined].flatMap((one) => one ?? []);
  const correction = told.correction ? `${oneLine(told.correction[language])} ` : '';
  return `${first.map((one) => `${one}: `).join('')}${correction}${headlineOf(told, language)}`;
}

/** For text messages in the default alphabet of GSM, within so many parts. */
export const smsText = (told: Told, language: Language, environment: Environment, segments: number): string =>
  messageText(told, language, environment, withinSegments(segments), toGsm);

/** Cut at the end of a word, with a sign that there was more; a single word that does not fit is cut within. */
function shortened(text: string, fits: Fits): string {
  if (fits(text)) return text;
  const words = text.split(' ');
  for (let count = words.length - 1; count > 0; count--) {
    const shorter = `${words
      .slice(0, count)
      .join(' ')
      .replace(/[,:;.–-]+$/, '')
      .trimEnd()}...`;
    if (fits(shorter)) return shorter;
  }
  const characters = [...text];
  while (characters.length > 0 && !fits(characters.join(''))) characters.pop();
  return characters.join('');
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** A text in its sentences, each with its end. */
const sentences = (text: string): string[] => text.match(/\S.*?(?:[.!?]+(?=\s|$)|$)/g) ?? [];
