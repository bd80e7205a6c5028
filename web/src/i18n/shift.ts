const s = (n: number, one: string, many: string): string => (n === 1 ? one : many);

const ptBr = {
  sinceWhen: (when: string) => `Desde ${when}:`,
  sinceRaised: (n: number) => `${n} ${s(n, 'novo', 'novos')}`,
  sinceWorse: (n: number) => `${n} ${s(n, 'agravado', 'agravados')}`,
  sinceEnded: (n: number) => `${n} ${s(n, 'encerrado', 'encerrados')}`,
  sinceSeen: (who: string) => `vistos por ${who}`,
  sinceNothing: 'nada mudou.',
  sinceNew: 'novo',
  sinceClear: 'Já vi',
  handover: 'Passagem de turno',
  noteNone: 'Ninguém deixou uma nota ainda.',
  noteText: 'Nota para o próximo turno',
  noteAuthor: 'Quem escreve',
  notePrepare: 'Preparar com o que está em vigor',
  noteLeave: 'Deixar a nota',
  noteKept: 'A nota ficou registrada.',
  noteBefore: 'Notas anteriores',
  noteAlerts: (n: number) => `Em vigor: ${n} ${s(n, 'alerta', 'alertas')}.`,
  noteHold: (who: string, why: string) => `Envios suspensos por ${who}: ${why}`,
  noteSilence: (until: string, who: string, why: string) => `Silêncio até ${until}, de ${who}: ${why}`,
  noteDead: (n: number) => `${n} ${s(n, 'entrega falhou', 'entregas falharam')}.`,
  noteSilent: (names: string) => `Estações sem dados: ${names}.`,
  noteMore: (n: number) => `e mais ${n}`,
};

const en: { [K in keyof typeof ptBr]: (typeof ptBr)[K] } = {
  sinceWhen: (when) => `Since ${when}:`,
  sinceRaised: (n) => `${n} new`,
  sinceWorse: (n) => `${n} worse`,
  sinceEnded: (n) => `${n} ended`,
  sinceSeen: (who) => `seen by ${who}`,
  sinceNothing: 'nothing has changed.',
  sinceNew: 'new',
  sinceClear: 'Seen',
  handover: 'Handover',
  noteNone: 'Nobody has left a note yet.',
  noteText: 'Note to the next shift',
  noteAuthor: 'Who writes',
  notePrepare: 'Prepare with what is in force',
  noteLeave: 'Leave the note',
  noteKept: 'The note is kept.',
  noteBefore: 'Earlier notes',
  noteAlerts: (n) => `In force: ${n} ${s(n, 'alert', 'alerts')}.`,
  noteHold: (who, why) => `Sending is held by ${who}: ${why}`,
  noteSilence: (until, who, why) => `Silence until ${until}, by ${who}: ${why}`,
  noteDead: (n) => `${n} ${s(n, 'delivery', 'deliveries')} failed.`,
  noteSilent: (names) => `Stations without data: ${names}.`,
  noteMore: (n) => `and ${n} more`,
};

/** What the pages say between two shifts. */
export const shift = { ptBr, en } as const;
