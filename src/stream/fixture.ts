import { createHash } from 'node:crypto';
import type { AlertEvent, AlertRevision } from '../model/alert.ts';
import type { Effect } from '../model/effect.ts';
import type { LogRecord } from '../model/record.ts';
import type { Report } from '../model/report.ts';
import type { HeldCondition, Level, Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { HOUR_MS } from '../model/time.ts';
import { checkExpression } from '../rules/check.ts';
import { type FoldOptions, PartitionFold } from './fold.ts';

/** Midnight of a day in the tests; hours count from here. */
export const T0 = Date.UTC(2024, 3, 26);
export const hour = (n: number): number => T0 + n * HOUR_MS;

export function station(id: string, region = '4314902'): Station {
  return {
    id,
    name: id,
    latitude: -30,
    longitude: -51,
    altitude: 10,
    region,
    timeZone: 'America/Sao_Paulo',
    intervalMs: HOUR_MS,
  };
}

const held = (text: string): HeldCondition => {
  const { held: result, flaws } = checkExpression(text);
  if (!result) throw new Error(`${text}: ${JSON.stringify(flaws)}`);
  return result;
};

/** A rule from its expressions, as a rule file would have them. */
export function rule(
  levels: Partial<Record<Level, string>>,
  clear: string | null,
  rest: Partial<Rule> = {},
): Rule {
  return {
    name: 'rain',
    title: { 'pt-BR': 'Chuva', en: 'Rain' },
    hazard: 'rain',
    subject: 'station',
    levels: Object.entries(levels).map(([level, text]) => ({ level: level as Level, ...held(text) })),
    clear: clear === null ? null : held(clear),
    coverage: 0.8,
    expiresMs: 6 * HOUR_MS,
    area: { kind: 'radius', km: 15 },
    cap: { urgency: 'Immediate', certainty: 'Observed', responseType: 'Prepare' },
    instruction: { 'pt-BR': '', en: '' },
    ...rest,
  };
}

/** INMET's classes of rain. */
export const rainRule = rule(
  {
    yellow: 'sum(rainfall, 1h) >= 20 mm or sum(rainfall, 24h) > 20 mm',
    orange: 'sum(rainfall, 1h) >= 30 mm or sum(rainfall, 24h) > 50 mm',
    red: 'sum(rainfall, 1h) >= 60 mm or sum(rainfall, 24h) > 100 mm',
  },
  'sum(rainfall, 1h) < 10 mm for 1h',
);

/** Rain by the hour alone: short stories without the memory of a day. */
export const hourRule = rule(
  {
    yellow: 'sum(rainfall, 1h) >= 20 mm',
    orange: 'sum(rainfall, 1h) >= 30 mm',
    red: 'sum(rainfall, 1h) >= 60 mm',
  },
  'sum(rainfall, 1h) < 10 mm for 1h',
);

/** A report of rain in mm, observed at the hour `at`. */
export function rain(at: number, mm: number, rest: Partial<Report> = {}): Report {
  return report(at, { rainfall: mm }, rest);
}

const layouts = new Map<string, readonly string[]>();

/** As ingest has it: reports of the same quantities share the array that names them. */
function layoutOf(quantities: readonly string[]): readonly string[] {
  const known = layouts.get(quantities.join());
  if (!known) layouts.set(quantities.join(), quantities);
  return known ?? quantities;
}

export function report(
  at: number,
  values: Readonly<Record<string, number>>,
  rest: Partial<Report> = {},
): Report {
  return {
    station: 'A801',
    observedAt: hour(at),
    intervalMs: HOUR_MS,
    receivedAt: hour(at),
    quantities: layoutOf(Object.keys(values)),
    values: Object.values(values).map((value) => Math.round(value * 1000)),
    ...rest,
  };
}

const documents = new Map<string, string>();
const store = (content: unknown): string => {
  const text = JSON.stringify(content);
  const hash = createHash('sha256').update(text).digest('hex');
  documents.set(hash, text);
  return hash;
};
const load = (hash: string): never => JSON.parse(documents.get(hash) as string) as never;

/** Where the fold under test finds rule sets and registries. */
export const foldOptions: FoldOptions = { rules: load, stations: load };

export const rulesRecord = (rules: readonly Rule[], id = 'rules'): LogRecord => ({
  kind: 'command',
  id,
  command: { type: 'rules', hash: store(rules) },
});
export const stationsRecord = (stations: readonly Station[], id = 'stations'): LogRecord => ({
  kind: 'command',
  id,
  command: { type: 'stations', hash: store(stations) },
});

/** The records of a recording: before each report a tick at its receipt; `until` is a last tick. */
export function recordsOf(
  reports: readonly Report[],
  rules: readonly Rule[],
  stations: readonly Station[],
  until?: number,
): LogRecord[] {
  const records: LogRecord[] = [stationsRecord(stations), rulesRecord(rules)];
  const startAt = reports[0]?.receivedAt ?? T0;
  records.push({ kind: 'command', id: 'recording', command: { type: 'recording', delayMs: 0, startAt } });
  for (const one of reports)
    records.push({ kind: 'tick', at: one.receivedAt }, { kind: 'report', report: one });
  if (until !== undefined) records.push({ kind: 'tick', at: until });
  return records;
}

/** One fold with its story: feeds records and keeps what came of them. */
export class Bench {
  readonly fold: PartitionFold;
  readonly effects: Effect[] = [];

  constructor(
    rules: readonly Rule[],
    startAt = T0,
    stations: readonly Station[] = [station('A801')],
    latenessMs?: number,
    options: Partial<FoldOptions> = {},
  ) {
    this.fold = new PartitionFold({
      ...foldOptions,
      ...options,
      ...(latenessMs === undefined ? {} : { latenessMs }),
    });
    this.apply(stationsRecord(stations), rulesRecord(rules));
    this.apply({ kind: 'command', id: 'recording', command: { type: 'recording', delayMs: 0, startAt } });
  }
  apply(...records: LogRecord[]): this {
    for (const record of records) this.effects.push(...this.fold.apply(record));
    return this;
  }
  tick(at: number, gap?: true): this {
    return this.apply({ kind: 'tick', at, ...(gap ? { gap } : {}) });
  }
  /** Each report after a tick at its receipt. */
  feed(...reports: Report[]): this {
    for (const one of reports) this.tick(one.receivedAt).apply({ kind: 'report', report: one });
    return this;
  }
  get revisions(): AlertRevision[] {
    return this.effects.flatMap((effect) => (effect.kind === 'alert' ? [effect.revision] : []));
  }
  get events(): AlertEvent[] {
    return this.revisions.map(({ event }) => event);
  }
  /** `raised yellow @5`: each event with its level and the hour that decided. */
  get story(): string[] {
    return this.events.map(
      (e) => `${e.event}${e.endReason ? `:${e.endReason}` : ''} ${e.level} @${(e.at - T0) / HOUR_MS}`,
    );
  }
  counted(what: string): number {
    return this.effects.filter((effect) => effect.kind === 'counted' && effect.what === what).length;
  }
}

/** The alert events among effects. */
export const alertsOf = (effects: readonly Effect[]): AlertEvent[] =>
  effects.flatMap((effect) => (effect.kind === 'alert' ? [effect.revision.event] : []));
