import type { AlertEvent } from '../../model/alert.ts';
import type { Language, Text } from '../../model/language.ts';
import type { FeedbackAnswer } from '../../model/observed-event.ts';
import type { Level } from '../../model/rule.ts';
import type { DeliveryState } from '../../store/ledger/delivery.ts';

const both = (pt: string, en: string): Text => ({ 'pt-BR': pt, en });

/** Every word of a report. */
const words = {
  report: both('Relatório do alerta', 'Alert report'),
  alert: both('Alerta', 'Alert'),
  rule: both('Regra', 'Rule'),
  ruleSet: both('Conjunto de regras', 'Rule set'),
  place: both('Local', 'Place'),
  state: both('Situação', 'State'),
  level: both('Nível', 'Level'),
  onset: both('Início', 'Onset'),
  expires: both('Válido até', 'Valid until'),
  times: both('Horários em', 'Times in'),
  instruction: both('Orientação', 'Instruction'),
  timeline: both('Linha do tempo', 'Timeline'),
  at: both('Quando', 'When'),
  what: both('O quê', 'What'),
  who: both('Quem', 'Who'),
  why: both('Motivo', 'Reason'),
  revision: both('Revisão', 'Revision'),
  evidence: both('Evidência', 'Evidence'),
  comparison: both('Comparação', 'Comparison'),
  value: both('Valor', 'Value'),
  window: both('Janela', 'Window'),
  coverage: both('Cobertura', 'Coverage'),
  readings: both('Leituras', 'Readings'),
  actors: both('Atos de pessoas', 'Acts of people'),
  recipients: both('Destinatários e recibos', 'Recipients and receipts'),
  recipient: both('Destinatário', 'Recipient'),
  channel: both('Canal', 'Channel'),
  attempts: both('Tentativas', 'Attempts'),
  error: both('Último erro', 'Last error'),
  feedback: both('Retorno do local', 'Feedback from the field'),
  wasReal: both('Foi real?', 'Was it real?'),
  note: both('Observação', 'Note'),
  cap: both('Mensagens CAP', 'CAP messages'),
  identifier: both('Identificador', 'Identifier'),
  sent: both('Enviada', 'Sent'),
  none: both('Nada consta.', 'Nothing on record.'),
  noAudit: both('O registro de auditoria está vazio.', 'The audit log is empty.'),
  noData: both('sem dados', 'no data'),
  notPublic: both('não publicado', 'not public'),
  byTimeout: both('prazo vencido', 'time ran out'),
  made: both('Feito em', 'Made'),
} as const;
export type Word = keyof typeof words;
export const word = (name: Word, language: Language): string => words[name][language];

const events: Readonly<Record<AlertEvent['event'], Text>> = {
  raised: both('Emitido', 'Raised'),
  escalated: both('Agravado', 'Escalated'),
  'de-escalated': both('Atenuado', 'De-escalated'),
  updated: both('Atualizado', 'Updated'),
  unverified: both('Sem confirmação', 'Unverified'),
  verified: both('Confirmado de novo', 'Verified again'),
  ended: both('Encerrado', 'Ended'),
};
export const eventWord = (name: AlertEvent['event'], language: Language): string => events[name][language];

const acts: Readonly<Record<string, Text>> = {
  raise: both('emitiu à mão', 'raised by hand'),
  acknowledge: both('confirmou que viu', 'acknowledged'),
  edit: both('editou', 'edited'),
  extend: both('prolongou', 'extended'),
  cancel: both('cancelou', 'cancelled'),
  approve: both('aprovou', 'approved'),
  reject: both('rejeitou', 'rejected'),
  publish: both('publicou sem segunda pessoa', 'published alone'),
};
export const actWord = (name: string, language: Language): string => acts[name]?.[language] ?? name;

const states: Readonly<Record<DeliveryState | 'active' | 'unverified' | 'ended', Text>> = {
  waiting: both('aguarda', 'waiting'),
  sending: both('a caminho', 'on its way'),
  delivered: both('entregue', 'delivered'),
  dead: both('falhou', 'failed'),
  dropped: both('retida', 'withheld'),
  active: both('em vigor', 'in force'),
  unverified: both('em vigor, sem confirmação', 'in force, unverified'),
  ended: both('encerrado', 'ended'),
};
export const stateWord = (name: keyof typeof states, language: Language): string => states[name][language];

const answers: Readonly<Record<FeedbackAnswer, Text>> = {
  yes: both('sim', 'yes'),
  no: both('não', 'no'),
  partly: both('em parte', 'in part'),
};
export const answerWord = (name: FeedbackAnswer, language: Language): string => answers[name][language];

const colours: Readonly<Record<Level, Text>> = {
  yellow: both('amarelo', 'yellow'),
  orange: both('laranja', 'orange'),
  red: both('vermelho', 'red'),
};
export const colourWord = (level: Level, language: Language): string => colours[level][language];

/** How the audit chain can be checked against this report. */
export const auditText = (number: number, hash: string, language: Language): string =>
  language === 'pt-BR'
    ? `Cadeia de auditoria ao fazer este relatório: registro ${number}, SHA-256 ${hash}. Para conferir: atalaia audit verify --head ${hash}`
    : `Audit chain when this report was made: entry ${number}, SHA-256 ${hash}. To check it: atalaia audit verify --head ${hash}`;

export const seriesText = (n: number, quantity: string, highest: string, language: Language): string =>
  language === 'pt-BR'
    ? `${quantity}: n = ${n}, máximo ${highest}.`
    : `${quantity}: n = ${n}, greatest ${highest}.`;

export const cutText = (shown: number, all: number, language: Language): string =>
  language === 'pt-BR'
    ? `(os ${shown} mais novos de ${all}; mais ${all - shown} não mostrados)`
    : `(the newest ${shown} of ${all}; ${all - shown} more not shown)`;
