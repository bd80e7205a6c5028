import type { Language } from '../model/language.ts';
import type { AggregateName, ComparisonOperator } from '../model/rule.ts';

/** The words in which a language tells a rule. Spans and numbers come in as that language writes them. */
export interface Words {
  readonly aggregates: Readonly<Record<AggregateName, string>>;
  readonly operators: Readonly<Record<ComparisonOperator, string>>;
  readonly levels: Readonly<Record<string, string>>;
  readonly rule: string;
  readonly and: string;
  readonly or: string;
  readonly not: string;
  readonly of: string;
  readonly held: string;
  readonly years: string;
  readonly sliding: (span: string) => string;
  readonly tumbling: (span: string) => string;
  readonly hopping: (span: string, every: string) => string;
  readonly session: (gap: string) => string;
  readonly reports: (count: string) => string;
  readonly reportGroups: (count: string) => string;
  readonly silent: (quantity: string | null, span: string) => string;
  /** Silence of an area: of all its stations. */
  readonly allSilent: (quantity: string | null, span: string) => string;
  readonly sequence: (first: string, then: string, span: string) => string;
  readonly stationCount: (condition: string) => string;
  readonly stationShare: (condition: string) => string;
  readonly climatology: (percent: string, quantity: string) => string;
  readonly returnPeriod: (value: string) => string;
  readonly forecast: (value: string, quantity: string, span: string) => string;
  readonly clear: (condition: string) => string;
  readonly noClear: string;
  readonly coverage: (percent: string) => string;
  readonly suspectToo: string;
  readonly expires: (span: string) => string;
  readonly area: Readonly<Record<'radius' | 'region' | 'named', string>>;
  readonly everyRegion: string;
  readonly pooled: string;
}

const portuguese: Words = {
  aggregates: {
    sum: 'soma',
    min: 'mínimo',
    max: 'máximo',
    avg: 'média',
    count: 'número de leituras',
    stddev: 'desvio padrão',
    median: 'mediana',
    percentile: 'percentil',
    last: 'última leitura',
    delta: 'variação',
    rate: 'taxa',
    trend: 'tendência',
    rise: 'subida',
  },
  operators: {
    '>': 'acima de',
    '>=': 'de pelo menos',
    '<': 'abaixo de',
    '<=': 'de no máximo',
    '=': 'igual a',
    '!=': 'diferente de',
  },
  levels: {
    yellow: 'Amarelo (perigo potencial)',
    orange: 'Laranja (perigo)',
    red: 'Vermelho (grande perigo)',
  },
  rule: 'Regra',
  and: 'e',
  or: 'ou',
  not: 'não vale que',
  of: 'de',
  held: 'durante',
  years: 'anos',
  sliding: (span) => `em ${span}`,
  tumbling: (span) => `no último período completo de ${span}`,
  hopping: (span, every) => `em ${span}, a cada ${every}`,
  session: (gap) => `desde a última pausa de mais de ${gap}`,
  reports: (count) => `nas últimas ${count} leituras`,
  reportGroups: (count) => `no último grupo completo de ${count} leituras do dia`,
  silent: (quantity, span) =>
    `${quantity === null ? 'a estação' : `a estação, em ${quantity},`} não envia dados há mais de ${span}`,
  allSilent: (quantity, span) =>
    `nenhuma estação da área envia ${quantity === null ? 'dados' : `dados de ${quantity}`} há mais de ${span}`,
  sequence: (first, then, span) => `primeiro ${first} e depois, em até ${span}, ${then}`,
  stationCount: (condition) => `número de estações com ${condition}`,
  stationShare: (condition) => `parcela das estações com ${condition}`,
  climatology: (percent, quantity) => `percentil climatológico ${percent} de ${quantity} para o dia do ano`,
  returnPeriod: (value) => `período de retorno de ${value}`,
  forecast: (value, quantity, span) => `${value} de ${quantity} na previsão para as próximas ${span}`,
  clear: (condition) => `Encerra quando nenhum nível vale mais e ${condition}.`,
  noClear: 'Encerra quando nenhum nível vale mais.',
  coverage: (percent) =>
    `Uma janela conta com pelo menos ${percent} % de cobertura; falta de dados nunca encerra o alerta.`,
  suspectToo: 'Contam também as leituras suspeitas; as reprovadas, não.',
  expires: (span) => `Expira ${span} após a última revisão.`,
  area: { radius: 'Área: raio de', region: 'Área: a região da estação.', named: 'Área:' },
  everyRegion: 'Área: cada região, com um alerta próprio.',
  pooled: 'Uma janela reúne as leituras de todas as estações da área.',
};

const english: Words = {
  aggregates: {
    sum: 'sum',
    min: 'minimum',
    max: 'maximum',
    avg: 'mean',
    count: 'number of readings',
    stddev: 'standard deviation',
    median: 'median',
    percentile: 'percentile',
    last: 'last reading',
    delta: 'change',
    rate: 'rate',
    trend: 'trend',
    rise: 'rise',
  },
  operators: {
    '>': 'above',
    '>=': 'of at least',
    '<': 'below',
    '<=': 'of at most',
    '=': 'equal to',
    '!=': 'other than',
  },
  levels: { yellow: 'Yellow (moderate)', orange: 'Orange (severe)', red: 'Red (extreme)' },
  rule: 'Rule',
  and: 'and',
  or: 'or',
  not: 'it is not true that',
  of: 'of',
  held: 'for',
  years: 'years',
  sliding: (span) => `over ${span}`,
  tumbling: (span) => `over the last complete period of ${span}`,
  hopping: (span, every) => `over ${span}, every ${every}`,
  session: (gap) => `since the last pause of more than ${gap}`,
  reports: (count) => `over the last ${count} readings`,
  reportGroups: (count) => `over the last complete group of ${count} readings of the day`,
  silent: (quantity, span) => `the station has sent no ${quantity ?? 'data'} for more than ${span}`,
  allSilent: (quantity, span) =>
    `no station of the area has sent ${quantity ?? 'data'} for more than ${span}`,
  sequence: (first, then, span) => `first ${first} and then, within ${span}, ${then}`,
  stationCount: (condition) => `number of stations with ${condition}`,
  stationShare: (condition) => `share of stations with ${condition}`,
  climatology: (percent, quantity) =>
    `climatological percentile ${percent} of ${quantity} for the day of the year`,
  returnPeriod: (value) => `return period of ${value}`,
  forecast: (value, quantity, span) => `${value} of ${quantity} in the forecast for the next ${span}`,
  clear: (condition) => `Ends when no level is true any more and ${condition}.`,
  noClear: 'Ends when no level is true any more.',
  coverage: (percent) =>
    `A window counts from a coverage of ${percent} %; missing data never ends the alert.`,
  suspectToo: 'Suspect readings count, too; bad ones do not.',
  expires: (span) => `Expires ${span} after the newest revision.`,
  area: { radius: 'Area: radius of', region: "Area: the station's region.", named: 'Area:' },
  everyRegion: 'Area: each region, with an alert of its own.',
  pooled: 'A window pools the readings of all stations of the area.',
};

export const explainWords: Readonly<Record<Language, Words>> = { 'pt-BR': portuguese, en: english };
