import { AtalaiaError } from '../../lib/errors.ts';
import type { AlertRevision } from '../../model/alert.ts';
import type { Border } from '../../model/area.ts';
import { drillMarks, type Environment } from '../../model/environment.ts';
import { type Language, languages, type Text, textIn } from '../../model/language.ts';
import type { Level, Rule } from '../../model/rule.ts';
import type { Station } from '../../model/station.ts';
import { HOUR_MS, MINUTE_MS } from '../../model/time.ts';
import { alertHeadline, endWord, evidenceSentence, falseAlarmWord } from '../text.ts';
import { capArea, editedArea } from './area.ts';
import { type CapAlert, type CapInfo, type CapPair, capTime } from './message.ts';
import { profileZone, toProfile } from './profile.ts';
import type { ProfileName } from './read/profiles.ts';
import { cleanText } from './serialize.ts';

/** The fields of a hazard that CAP needs (a row of the hazard table has them). */
export interface CapHazard {
  readonly capCategory: string;
  readonly event: Text;
  readonly eventCode: CapPair;
  /** `awareness_type` of MeteoAlarm, written `10; Rain`. */
  readonly meteoalarm?: { readonly number: number; readonly name: string } | null;
}

/** A message of the same alert that left before; `sentText` as it stood there, byte for byte. */
export interface EarlierMessage {
  readonly identifier: string;
  readonly sentText: string;
  readonly expiresAt: number;
}

export interface CapInput {
  readonly revision: AlertRevision;
  readonly rule: Rule;
  /** The subject's station; of an area a place that bears its id, name, time zone and region. */
  readonly station: Station;
  /** The stations of an area. */
  readonly stations?: readonly Station[];
  readonly hazard: CapHazard;
  readonly environment: 'actual' | 'exercise' | 'test';
  readonly serverId: string;
  readonly sender: string;
  readonly senderName: string;
  readonly web?: string;
  readonly earlier: readonly EarlierMessage[];
  readonly municipality?: { readonly code: string; readonly name: string };
  /** The border of the municipality, where it is known. */
  readonly border?: Border;
  /** The kind of receiver that the message is written for. */
  readonly profile?: ProfileName;
}

export interface CapOutput {
  readonly identifier: string;
  readonly sentText: string;
  /** When the message expires, epoch ms; what a later message's `earlier` carries. */
  readonly expiresAt: number;
  readonly message: CapAlert;
}

const statuses = { actual: 'Actual', exercise: 'Exercise', test: 'Test' } as const;
const severities = { yellow: 'Moderate', orange: 'Severe', red: 'Extreme' } as const;
const awareness: Readonly<Record<Level, string>> = {
  yellow: '2; yellow; Moderate',
  orange: '3; orange; Severe',
  red: '4; red; Extreme',
};
const HEADLINE_LIMIT = 160;

/**
 * The CAP message of one revision; undefined when none is due: at a natural expiry (the message itself expires), and at
 * the end of an alert of which no message ever left. Rules: notes of CAP-v1.2-os sections 3.2.1 to 3.2.4.
 * @throws AtalaiaError ATL_CONFIG when `sender` has characters that CAP forbids there.
 */
export function capMessage(given: CapInput): CapOutput | undefined {
  const { revision, environment, earlier, profile } = given;
  const { event } = revision;
  const timeZone = profileZone(profile, event.issuedAt, given.station.timeZone);
  const station = { ...given.station, timeZone };
  const input = { ...given, station };
  if (!/^[^\s,<&]+$/.test(input.sender)) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      `CAP sender "${input.sender}" must be one word without comma, "<" or "&"; set cap.sender.`,
    );
  }
  const ended = event.event === 'ended';
  if (ended && (event.endReason === 'expired' || earlier.length === 0)) return undefined;
  const sentAt = event.issuedAt;
  // An all-clear must be readable for a while; an open message never ends before it begins.
  const expiresAt = Math.max(revision.expiresAt, sentAt + (ended ? HOUR_MS : MINUTE_MS));
  const sentText = capTime(sentAt, station.timeZone);
  const identifier = capIdentifier(input.serverId, environment, event.alert, event.revision);
  const references = referencesOf(input.sender, earlier, sentAt);
  const msgType =
    earlier.length === 0 ? 'Alert' : ended && event.endReason !== 'cleared' ? 'Cancel' : 'Update';
  const message: CapAlert = {
    identifier,
    sender: input.sender,
    sent: sentText,
    status: statuses[environment],
    msgType,
    scope: 'Public',
    ...(msgType === 'Cancel' ? { note: noteOf(revision, environment) } : {}),
    ...(references === '' ? {} : { references }),
    incidents: event.alert,
    info: languages.map((lang) => infoOf(input, lang, sentText, expiresAt)),
  };
  const places = given.stations ?? [station];
  return {
    ...{ identifier, sentText, expiresAt },
    message: profile ? toProfile(message, profile, places) : message,
  };
}

/** Why a message is cancelled, in both languages; a false alarm says so. */
function noteOf({ event, act }: AlertRevision, environment: Environment): string {
  const { correction } = act ?? {};
  const word = (lang: Language): string => correction?.[lang] ?? endWord(event.endReason, lang);
  const note = `${word('pt-BR')} / ${word('en')}`;
  const mark = drillMarks[environment];
  return mark ? `${mark['pt-BR']} / ${mark.en}: ${note}` : note;
}

/** Unique per server, environment, alert and revision; without spaces, commas, `<` and `&` (CAP 1.2, 3.2.1). */
export const capIdentifier = (
  serverId: string,
  environment: string,
  alert: string,
  revision: number,
): string =>
  ['atalaia', serverId, environment, alert, String(revision)]
    .map((part) => part.replace(/[^A-Za-z0-9_-]+/g, '-'))
    .join('.');

/** Every earlier message that has not expired; when all have, the newest, so that the chain does not break. */
function referencesOf(sender: string, earlier: readonly EarlierMessage[], sentAt: number): string {
  const open = earlier.filter((one) => one.expiresAt > sentAt);
  const listed = open.length > 0 ? open : earlier.slice(-1);
  return listed.map((one) => `${sender},${one.identifier},${one.sentText}`).join(' ');
}

function infoOf(input: CapInput, lang: Language, sentText: string, expiresAt: number): CapInfo {
  const { revision, rule, station, hazard } = input;
  const { event } = revision;
  const ended = event.event === 'ended';
  const mark = drillMarks[input.environment]?.[lang];
  const responseType = !ended ? rule.cap.responseType : event.endReason === 'cleared' ? 'AllClear' : 'None';
  const isFalse = revision.act?.correction !== undefined;
  const own = alertHeadline(event, rule, station, lang);
  const headline = isFalse ? `${falseAlarmWord[lang]} – ${own}` : own;
  return {
    language: lang,
    category: [hazard.capCategory],
    event: hazard.event[lang],
    responseType: [responseType],
    urgency: ended ? 'Past' : rule.cap.urgency,
    severity: severities[event.level],
    // What no station confirms any more, or a forecast says, is not observed.
    certainty:
      (revision.unverified || event.forecast) && rule.cap.certainty === 'Observed'
        ? 'Likely'
        : rule.cap.certainty,
    eventCode: [{ valueName: hazard.eventCode.valueName, value: hazard.eventCode.value }],
    effective: sentText,
    onset: capTime(event.onsetAt, station.timeZone),
    expires: capTime(expiresAt, station.timeZone),
    senderName: input.senderName,
    headline: clip(mark ? `${mark}: ${headline}` : headline, HEADLINE_LIMIT),
    description: marked(describe(input, lang), mark),
    ...(ended ? {} : { instruction: marked(textIn(revision.text ?? rule.instruction, lang), mark) }),
    ...(input.web === undefined ? {} : { web: input.web }),
    parameter: parametersOf(input),
    area: [
      revision.area
        ? editedArea(revision.area, station, input.municipality)
        : capArea(rule, station, input.municipality, input.stations, input.border),
    ],
  };
}

/** Facts only: what was measured where, and what the state of the alert means. */
function describe({ revision, station }: CapInput, lang: Language): string {
  const pt = lang === 'pt-BR';
  const { event } = revision;
  const kind = event.subject.kind === 'area' ? (pt ? 'Área' : 'Area') : pt ? 'Estação' : 'Station';
  const sentences = [`${kind} ${station.name} (${station.id}).`];
  if (revision.act?.correction) sentences.unshift(revision.act.correction[lang]);
  else if (event.event === 'ended') sentences.push(`${endWord(event.endReason, lang)}.`);
  sentences.push(...event.evidence.map((one) => evidenceSentence(one, lang)));
  if (revision.unverified && event.event !== 'ended') {
    sentences.push(
      pt
        ? 'Faltam dados suficientes; o alerta continua até ser confirmado, encerrado ou expirar.'
        : 'There are not enough data; the alert stays until it is verified, ended or expires.',
    );
  }
  return sentences.join(' ');
}

function parametersOf({ revision, hazard }: CapInput): readonly CapPair[] {
  const { event } = revision;
  const list: CapPair[] = [{ valueName: 'awareness_level', value: awareness[event.level] }];
  const type = hazard.meteoalarm;
  if (type) list.push({ valueName: 'awareness_type', value: `${type.number}; ${type.name}` });
  for (const one of event.evidence) {
    list.push({ valueName: 'evidence', value: `${one.expression}: ${one.value ?? '-'} ${one.unit}`.trim() });
  }
  return list;
}

const marked = (text: string, mark: string | undefined): string =>
  mark ? `${mark}. ${text} ${mark}.` : text;

/** Cuts at a whole character. */
function clip(text: string, limit: number): string {
  const clean = cleanText(text);
  if (clean.length <= limit) return clean;
  return `${clean
    .slice(0, limit - 1)
    .replace(/[\ud800-\udbff]$/, '')
    .trimEnd()}…`;
}
