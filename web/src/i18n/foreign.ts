const s = (n: number, one: string, many: string): string => (n === 1 ? one : many);

const ptBr = {
  foreign: 'Avisos de outros emissores',
  foreignSays:
    'Avisos de outras instituições, com as palavras e a responsabilidade delas. Não são alertas deste serviço. A marca de nível é nossa e só aparece onde a gravidade deles corresponde a ela.',
  foreignCount: (n: number) =>
    n === 0
      ? 'Outros emissores: nenhum aviso em vigor'
      : `Outros emissores: ${n} ${s(n, 'aviso', 'avisos')} em vigor`,
  foreignActive: (n: number) => `Em vigor: ${n}`,
  foreignNone: 'Nenhum aviso em vigor foi recebido.',
  foreignOver: (n: number) => `Já sem efeito: ${n}`,
  foreignShowOver: 'Mostrar também os que já não valem',
  foreignHideOver: 'Mostrar só os que valem',
  foreignShowDrills: 'Simulados e testes',
  foreignHideDrills: 'Voltar aos avisos reais',
  foreignDrills: 'Simulados e testes de outros emissores',
  foreignDrill: 'SIMULADO',
  foreignTest: 'TESTE',
  foreignDrillSays: 'Nada aqui é real: são simulados e testes. Não aja com base neles.',
  foreignUnread: 'Os avisos de outros emissores não puderam ser lidos. A lista pode estar desatualizada.',
  foreignNoFeeds: 'Nenhuma fonte de outros emissores está configurada.',
  foreignDown: (name: string, since: string) =>
    since === ''
      ? `A fonte ${name} ainda não pôde ser lida: faltam avisos aqui.`
      : `A fonte ${name} não é lida desde ${since}: podem faltar avisos aqui.`,
  foreignMissing: (name: string, n: number) =>
    `Fonte ${name}: ${n} ${s(n, 'mensagem não pôde ser obtida', 'mensagens não puderam ser obtidas')}; podem faltar avisos aqui.`,
  foreignFeed: (name: string, since: string) => `${name}: lida ${since}`,
  foreignRefused: (n: number) => `${n} ${s(n, 'mensagem recusada', 'mensagens recusadas')} na última leitura`,
  foreignStrangers: (names: string) => `emissor fora da lista: ${names}`,
  foreignFeeds: 'Fontes',
  foreignIssuer: 'Emissor',
  foreignWords: 'Gravidade, urgência e certeza, como o emissor as deu',
  foreignNoWords: 'sem gravidade informada',
  foreignUntil: (at: string) => `até ${at}`,
  foreignSent: (at: string) => `emitido ${at}`,
  foreignMore: (n: number) => `e mais ${n}`,
  foreignText: 'Texto do aviso',
  foreignAtIssuer: 'Página do emissor',
  foreignFaulty: 'Mensagem com defeito de formato; mostrada como veio.',
  foreignClipped: 'Mensagem longa demais; mostrada em parte.',
  foreignEnd_superseded: 'substituído',
  foreignEnd_cancelled: 'cancelado',
  foreignEnd_withdrawn: 'retirado por erro',
  foreignEnd_expired: 'expirado',
  foreignTooMany: (n: number) => `Só os ${n} mais novos.`,
};

const en: { readonly [K in keyof typeof ptBr]: (typeof ptBr)[K] } = {
  foreign: 'Warnings of other authorities',
  foreignSays:
    'Warnings of other institutions, in their words and on their responsibility. They are no alerts of this service. The level mark is ours and stands only where their severity corresponds to it.',
  foreignCount: (n: number) =>
    n === 0
      ? 'Other authorities: no warnings in force'
      : `Other authorities: ${n} ${s(n, 'warning', 'warnings')} in force`,
  foreignActive: (n: number) => `In force: ${n}`,
  foreignNone: 'No warning in force has been received.',
  foreignOver: (n: number) => `Over: ${n}`,
  foreignShowOver: 'Show what is over, too',
  foreignHideOver: 'Show only what is in force',
  foreignShowDrills: 'Exercises and tests',
  foreignHideDrills: 'Back to real warnings',
  foreignDrills: 'Exercises and tests of other authorities',
  foreignDrill: 'EXERCISE',
  foreignTest: 'TEST',
  foreignDrillSays: 'Nothing here is real: these are exercises and tests. Do not act on them.',
  foreignUnread: 'The warnings of other authorities could not be read. The list may be out of date.',
  foreignNoFeeds: 'No feed of another authority is configured.',
  foreignDown: (name: string, since: string) =>
    since === ''
      ? `The feed ${name} could not be read yet: warnings are missing here.`
      : `The feed ${name} has not been read since ${since}: warnings may be missing here.`,
  foreignMissing: (name: string, n: number) =>
    `Feed ${name}: ${n} ${s(n, 'message', 'messages')} could not be had; warnings may be missing here.`,
  foreignFeed: (name: string, since: string) => `${name}: read ${since}`,
  foreignRefused: (n: number) => `${n} ${s(n, 'message', 'messages')} refused in the last reading`,
  foreignStrangers: (names: string) => `sender not on the list: ${names}`,
  foreignFeeds: 'Feeds',
  foreignIssuer: 'Issuer',
  foreignWords: 'Severity, urgency and certainty, as the issuer gave them',
  foreignNoWords: 'no severity given',
  foreignUntil: (at: string) => `until ${at}`,
  foreignSent: (at: string) => `issued ${at}`,
  foreignMore: (n: number) => `and ${n} more`,
  foreignText: 'Text of the warning',
  foreignAtIssuer: 'Page of the issuer',
  foreignFaulty: 'The message breaks its format; shown as it came.',
  foreignClipped: 'The message is too long; shown in part.',
  foreignEnd_superseded: 'replaced',
  foreignEnd_cancelled: 'cancelled',
  foreignEnd_withdrawn: 'withdrawn as an error',
  foreignEnd_expired: 'expired',
  foreignTooMany: (n: number) => `Only the newest ${n}.`,
};

/** What the pages say of warnings of other authorities. */
export const foreign = { ptBr, en } as const;
