import type { ReadAlert, ReadInfo } from '../cap/read/message.ts';

export const info = (more: Partial<ReadInfo> = {}): ReadInfo => ({
  language: 'pt-BR',
  category: ['Met'],
  event: 'Chuvas Intensas',
  responseType: ['Prepare'],
  urgency: 'Future',
  severity: 'Severe',
  certainty: 'Likely',
  eventCode: [],
  expires: '2026-01-16T10:00:00-03:00',
  parameter: [],
  resource: [],
  area: [],
  ...more,
});

/** A message of another authority, sent 2026-01-15T13:00Z. */
export const message = (more: Partial<ReadAlert> = {}): ReadAlert => ({
  version: '1.2',
  identifier: 'a.1',
  sender: 'x@example.org',
  sent: '2026-01-15T10:00:00-03:00',
  status: 'Actual',
  msgType: 'Alert',
  scope: 'Public',
  code: [],
  info: [info()],
  signatureBeforeEnd: false,
  ...more,
});
