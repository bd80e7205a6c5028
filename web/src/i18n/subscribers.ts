const ptBr = {
  getAlerts: 'Receber alertas',
  getAlertsWhat: 'Alertas de tempo dos lugares que você escolher, até você cancelar.',
  getAlertsClosed: 'Este servidor ainda não envia alertas ao público.',
  getAlertsUnread: 'Não foi possível carregar as opções. Tente de novo.',
  getBy: 'Receber por',
  getKind: (kind: string) =>
    ({ email: 'E-mail', sms: 'SMS', whatsapp: 'WhatsApp', telegram: 'Telegram' })[kind] ?? kind,
  getAddress: (kind: string): string =>
    kind === 'email'
      ? 'Endereço de e-mail'
      : kind === 'telegram'
        ? 'Número da conversa'
        : 'Telefone com +55 e DDD',
  getWhere: 'Lugar',
  getWhereStation: 'Estação',
  getWhereRegion: 'Município ou área',
  getWhereHere: 'Em volta de onde estou',
  getWhereAll: 'Toda a rede',
  getPlace: 'Nome da estação',
  getRegion: 'Município ou área',
  getRadius: 'Raio em km',
  getLocate: 'Usar a minha posição',
  getLocated: (at: string) => `Posição: ${at}`,
  getNotLocated: 'A posição não está disponível. Escolha uma estação ou um município.',
  getNeedPlace: 'Escolha um lugar da lista.',
  getLevel: 'A partir do nível',
  getHazards: 'Perigos',
  getHazardsAll: 'Nenhum marcado: todos.',
  getQuiet: 'Não incomodar à noite',
  getQuietRed: 'Alertas vermelhos chegam sempre.',
  getFrom: 'Das',
  getTo: 'Até',
  getConsent: 'Concordo',
  getSend: 'Pedir alertas',
  getSent:
    'Pedido recebido. Se o endereço está certo, uma mensagem com um link chega a ele em minutos; os alertas começam quando você confirmar.',
  getConfirm: 'Confirmar os alertas',
  getConfirmWhat: 'Falta um clique: os alertas começam quando você confirmar.',
  getConfirmed: 'Confirmado. Os alertas chegam a partir de agora; cada mensagem tem um link para cancelar.',
  getLeave: 'Cancelar os alertas',
  getLeaveWhat: 'Os alertas param na hora, mesmo os que esperam envio.',
  getLeft: 'Cancelado. Nada mais será enviado.',
  getManage: 'Ver, cancelar ou apagar o que guardamos',
  getManageWhat: 'Enviamos um link ao endereço, para que só o dono dele veja.',
  getManageSend: 'Enviar o link',
  getManageSent: 'Se guardamos algo deste endereço, o link chega em minutos e vale 1 hora.',
  getExport: 'Baixar tudo o que guardamos (JSON)',
  getErase: 'Apagar tudo',
  getEraseSure: 'Entendo que não pode ser desfeito',
  getErased: (n: number) => `Apagado. O endereço foi retirado de ${n} ${n === 1 ? 'envio' : 'envios'}.`,
  getEraseLeft: (n: number) => `${n} que o órgão cadastrou ficam: fale com ele.`,
  getLinkOver: 'Este link não vale mais. Peça outro.',
  getTooMany: 'Pedidos demais. Espere alguns minutos.',
  getFailed: (detail: string) => `Não deu certo: ${detail}`,
};

const en: typeof ptBr = {
  getAlerts: 'Get alerts',
  getAlertsWhat: 'Weather alerts for the places you choose, until you unsubscribe.',
  getAlertsClosed: 'This server does not send alerts to the public yet.',
  getAlertsUnread: 'The choices could not be loaded. Try again.',
  getBy: 'Get them by',
  getKind: (kind: string) =>
    ({ email: 'E-mail', sms: 'SMS', whatsapp: 'WhatsApp', telegram: 'Telegram' })[kind] ?? kind,
  getAddress: (kind: string): string =>
    kind === 'email'
      ? 'E-mail address'
      : kind === 'telegram'
        ? 'Number of the chat'
        : 'Telephone with + and country',
  getWhere: 'Place',
  getWhereStation: 'Station',
  getWhereRegion: 'Municipality or area',
  getWhereHere: 'Around where I am',
  getWhereAll: 'The whole network',
  getPlace: 'Name of the station',
  getRegion: 'Municipality or area',
  getRadius: 'Radius in km',
  getLocate: 'Use my position',
  getLocated: (at: string) => `Position: ${at}`,
  getNotLocated: 'The position is not available. Choose a station or a municipality.',
  getNeedPlace: 'Choose a place from the list.',
  getLevel: 'From level',
  getHazards: 'Hazards',
  getHazardsAll: 'None ticked: all.',
  getQuiet: 'Do not disturb at night',
  getQuietRed: 'Red alerts always come.',
  getFrom: 'From',
  getTo: 'To',
  getConsent: 'I agree',
  getSend: 'Ask for alerts',
  getSent:
    'Received. If the address is right, a message with a link gets there in minutes; alerts begin when you confirm.',
  getConfirm: 'Confirm the alerts',
  getConfirmWhat: 'One click to go: alerts begin when you confirm.',
  getConfirmed: 'Confirmed. Alerts come from now on; each message has a link to unsubscribe.',
  getLeave: 'Unsubscribe',
  getLeaveWhat: 'Alerts end at once, those that wait to be sent, too.',
  getLeft: 'Unsubscribed. Nothing more will be sent.',
  getManage: 'See, cancel or erase what we keep',
  getManageWhat: 'We send a link to the address, so that only its owner sees it.',
  getManageSend: 'Send the link',
  getManageSent:
    'If we keep something of this address, the link gets there in minutes; it is valid for 1 hour.',
  getExport: 'Download all that we keep (JSON)',
  getErase: 'Erase everything',
  getEraseSure: 'I understand that it cannot be undone',
  getErased: (n: number) =>
    `Erased. The address was taken out of ${n} ${n === 1 ? 'delivery' : 'deliveries'}.`,
  getEraseLeft: (n: number) => `${n} that the office made stay: talk to it.`,
  getLinkOver: 'This link is no longer valid. Ask for another one.',
  getTooMany: 'Too many requests. Wait some minutes.',
  getFailed: (detail: string) => `It did not work: ${detail}`,
};

/** What the pages say to people who subscribe themselves. */
export const subscribers = { ptBr, en } as const;
