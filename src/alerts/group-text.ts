import type { AlertEvent } from '../model/alert.ts';
import { type Language, languages, type Text } from '../model/language.ts';
import { levelNames } from '../model/rule.ts';
import { hazards } from '../rules/hazard.ts';
import { formatAlertEvent } from './event-json.ts';
import { levelWord } from './text.ts';

/** Alerts whose whole event is in a message; the others are in its counts. */
const MAX_LISTED = 100;
/** Names in a text. */
const MAX_NAMED = 10;

/** Several alerts in one body: counts by level, a line in each language, and the events, the reds first; a drill begins with its mark. */
export function groupBody(key: string, events: readonly AlertEvent[], mark?: Text | null): string {
  const levels = Object.fromEntries(
    levelNames.map((level) => [level, events.filter((event) => event.level === level).length]),
  );
  const text = Object.fromEntries(
    languages.map((lang) => [lang, `${mark ? `${mark[lang]}: ` : ''}${groupText(events, lang)}`]),
  );
  const listed = events.slice(0, MAX_LISTED);
  return (
    `{"group":${JSON.stringify(key)},"hazard":${JSON.stringify(events[0]?.hazard ?? '')},"count":${events.length},` +
    `"levels":${JSON.stringify(levels)},"text":${JSON.stringify(text)},` +
    `"alerts":[${listed.map(formatAlertEvent).join(',')}],"more":${events.length - listed.length}}`
  );
}

/** `Grande perigo: Chuva, 312 alertas. A801, A802 e mais 302`: the highest level, the hazard, how many, and where. */
export function groupText(events: readonly AlertEvent[], lang: Language): string {
  const [first] = events;
  if (!first) return '';
  const open = events.filter(({ event }) => event !== 'ended');
  const places = [...new Set((open.length > 0 ? open : events).map(({ subject }) => subject.id))];
  const rest = places.length - MAX_NAMED;
  const named = places.slice(0, MAX_NAMED).join(', ');
  const more = rest <= 0 ? '' : lang === 'pt-BR' ? ` e mais ${rest}` : ` and ${rest} more`;
  const hazard = hazards.get(first.hazard)?.event[lang] ?? first.hazard;
  const ended = events.length - open.length;
  const counts =
    lang === 'pt-BR'
      ? `${open.length} alertas${ended > 0 ? `, ${ended} encerrados` : ''}`
      : `${open.length} alerts${ended > 0 ? `, ${ended} ended` : ''}`;
  const highest = levelNames.findLast((level) => open.some((event) => event.level === level));
  const head = highest === undefined ? '' : `${levelWord(highest, lang)}: `;
  return `${head}${hazard}, ${counts}. ${named}${more}`;
}
