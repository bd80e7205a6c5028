import { endWord, evidenceSentence, formatAmount, levelWord } from '../../alerts/text.ts';
import type { Evidence } from '../../model/alert.ts';
import { drillMarks, type Environment } from '../../model/environment.ts';
import { type Language, textIn } from '../../model/language.ts';
import { quantities } from '../../model/quantity.ts';
import type { StoredRevision } from '../../store/ledger/stored-revision.ts';
import { errorOf } from '../channels/deliveries.ts';
import type { Collected } from './collect.ts';
import type { ReportDocument, ReportSection } from './document.ts';
import {
  actWord,
  answerWord,
  auditText,
  colourWord,
  cutText,
  eventWord,
  seriesText,
  stateWord,
  type Word,
  word,
} from './texts.ts';

/** Rows of a table at most; the newest are kept. */
const MAX_ROWS = 500;
/** Revisions whose evidence is listed. */
const MAX_PROVEN = 30;

/** How a report of one alert in one language writes. */
class Writer {
  readonly #language: Language;
  readonly #format: Intl.DateTimeFormat;

  constructor(language: Language, timeZone: string) {
    this.#language = language;
    this.#format = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, {
      ...{ timeZone, hourCycle: 'h23', day: '2-digit', month: '2-digit', year: 'numeric' },
      ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
    });
  }

  at(instant: number): string {
    return this.#format.format(instant);
  }

  table(
    title: Word,
    columns: readonly (readonly [head: Word, width: number])[],
    rows: readonly (readonly string[])[],
    /** All that there are, where not all of them were read. */
    all = rows.length,
  ): ReportSection {
    const name = word(title, this.#language);
    const shown = Math.min(rows.length, MAX_ROWS);
    return {
      kind: 'table',
      title: all > shown ? `${name} ${cutText(shown, all, this.#language)}` : name,
      head: columns.map(([head]) => word(head, this.#language)),
      widths: columns.map(([, width]) => width),
      rows: rows.slice(-MAX_ROWS),
      empty: word('none', this.#language),
    };
  }
}

function timelineRow({ revision }: StoredRevision, writer: Writer, language: Language): string[] {
  const { event, act, draft, publishedBy } = revision;
  const what =
    event.event === 'ended' ? endWord(event.endReason, language) : eventWord(event.event, language);
  const hidden = draft ? [word('notPublic', language)] : [];
  const late = publishedBy ? [word('byTimeout', language)] : [];
  return [
    writer.at(event.issuedAt),
    String(event.revision),
    [what, colourWord(event.level, language), ...hidden, ...late].join(', '),
    act?.by ?? '',
    act?.reason ?? '',
  ];
}

function evidenceRow(revision: number, one: Evidence, writer: Writer, language: Language): string[] {
  return [
    String(revision),
    evidenceSentence(one, language),
    one.value === undefined ? word('noData', language) : formatAmount(one.value, one.unit, language),
    `${writer.at(one.from)} – ${writer.at(one.to)}`,
    `${Math.floor(one.coverage * 100)} %`,
    String(one.observations),
  ];
}

/** What was measured around the evidence, one drawing for each series. */
function figures({ series }: Collected, writer: Writer, language: Language): ReportSection[] {
  return series.map(({ quantity, station, from, to, points }) => {
    const known = quantities.get(quantity);
    const [unit, label] = [known?.unit ?? '', known?.label[language] ?? quantity];
    const values = points.map(({ value }) => value);
    const [least, greatest] = [Math.min(...values), Math.max(...values)];
    const isBars = known?.kind === 'interval' && known.range.perHour === true;
    const top = formatAmount(greatest, unit, language);
    return {
      kind: 'figure',
      title: `${label}, ${station}`,
      ...{ unit, from, to, points, isBars, topText: top },
      ...{ fromText: writer.at(from), toText: writer.at(to) },
      low: isBars ? Math.min(0, least) : least,
      high: isBars ? Math.max(greatest, 0) : greatest,
      says: seriesText(points.length, label, top, language),
    };
  });
}

function evidence({ history }: Collected, writer: Writer, language: Language): ReportSection {
  const proven = history.filter(
    ({ revision: { event } }, i) =>
      i === history.length - 1 || ['raised', 'escalated', 'de-escalated'].includes(event.event),
  );
  const rows = proven
    .slice(-MAX_PROVEN)
    .flatMap(({ revision: { event } }) =>
      event.evidence.map((one) => evidenceRow(event.revision, one, writer, language)),
    );
  return writer.table(
    'evidence',
    [
      ['revision', 1],
      ['comparison', 4],
      ['value', 1.5],
      ['window', 3.5],
      ['coverage', 1.4],
      ['readings', 1.2],
    ],
    rows,
  );
}

function people(found: Collected, writer: Writer, language: Language): ReportSection[] {
  const acts = found.acts.map(({ at, act, by, reason = '', revision }) => [
    ...[writer.at(at), by, actWord(act, language), reason, revision === null ? '' : String(revision)],
  ]);
  const deliveries = found.deliveries
    .toSorted((a, b) => a.revision - b.revision || (a.key < b.key ? -1 : 1))
    .map((one) => [
      ...[one.subscription.name, one.subscription.channel, String(one.revision)],
      stateWord(one.state, language),
      ...[String(one.attempts), one.deliveredAt === undefined ? '' : writer.at(one.deliveredAt)],
      errorOf(one),
    ]);
  const feedback = found.feedback.map(({ at, by, wasReal, note }) => [
    ...[writer.at(at), by, answerWord(wasReal, language), note],
  ]);
  return [
    writer.table(
      'actors',
      [
        ['at', 2.4],
        ['who', 2],
        ['what', 2],
        ['why', 4],
        ['revision', 1],
      ],
      acts,
    ),
    writer.table(
      'recipients',
      [
        ['recipient', 2.4],
        ['channel', 1.6],
        ['revision', 1],
        ['state', 1.4],
        ['attempts', 1.3],
        ['at', 2.4],
        ['error', 2.6],
      ],
      deliveries,
      found.deliveryCount,
    ),
    writer.table(
      'feedback',
      [
        ['at', 2.4],
        ['who', 2],
        ['wasReal', 1.4],
        ['note', 5],
      ],
      feedback,
    ),
  ];
}

/** The report of an alert: what happened, why, who did what, who was told, and how that can be checked. */
export function composeReport(
  found: Collected,
  environment: Environment,
  language: Language,
): ReportDocument {
  const writer = new Writer(language, found.timeZone);
  const { revision, state } = found.newest;
  const { event } = revision;
  const w = (name: Word): string => word(name, language);
  const title = found.rule?.title[language] ?? event.rule;
  const columns = [
    ['at', 2.4],
    ['revision', 1],
    ['what', 3],
    ['who', 1.6],
    ['why', 3],
  ] as const;
  const caps = found.caps.map((one) => [String(one.revision), one.identifier, one.sentText]);
  return {
    language,
    title: `${title}: ${found.place}`,
    mark: drillMarks[environment]?.[language] ?? null,
    subtitle: `${w('report')}, ${w('made').toLowerCase()} ${writer.at(found.madeAt)}`,
    facts: [
      [w('alert'), event.alert],
      [w('state'), stateWord(state, language)],
      [w('level'), `${levelWord(event.level, language)} (${colourWord(event.level, language)})`],
      [w('place'), `${found.place} (${event.subject.id})`],
      [w('rule'), event.rule],
      [w('ruleSet'), revision.ruleSet],
      [w('onset'), writer.at(event.onsetAt)],
      [w('expires'), writer.at(revision.expiresAt)],
      [w('instruction'), textIn(revision.text ?? found.rule?.instruction ?? '', language)],
      [w('times'), found.timeZone],
    ],
    sections: [
      writer.table(
        'timeline',
        columns,
        found.history.map((one) => timelineRow(one, writer, language)),
      ),
      evidence(found, writer, language),
      ...figures(found, writer, language),
      ...people(found, writer, language),
      writer.table(
        'cap',
        [
          ['revision', 1],
          ['identifier', 5],
          ['sent', 3],
        ],
        caps,
      ),
    ],
    footer: found.audit ? auditText(found.audit.number, found.audit.hash, language) : w('noAudit'),
  };
}
