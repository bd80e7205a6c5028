import { type CapHazard, capMessage } from '../alerts/cap/emit.ts';
import { serializeCap } from '../alerts/cap/serialize.ts';
import { formatAlertEvent } from '../alerts/event-json.ts';
import { type AlertFacts, messageText, textLimits, within } from '../alerts/message-text.ts';
import type { AlertEvent } from '../model/alert.ts';
import type { Language, Text } from '../model/language.ts';
import { manualRule } from '../model/manual-rule.ts';
import type { Station } from '../model/station.ts';
import { HOUR_MS, SECOND_MS } from '../model/time.ts';
import type { Notification } from './channel.ts';

const title: Text = { 'pt-BR': 'Mensagem de teste do Atalaia', en: 'Test message of Atalaia' };
const instruction: Text = {
  'pt-BR': 'Verifica se este canal funciona. Não há perigo e nada precisa ser feito.',
  en: 'It checks whether this channel works. There is no danger and nothing needs to be done.',
};
const hazard: CapHazard = {
  capCategory: 'Other',
  event: title,
  eventCode: { valueName: 'ATALAIA', value: 'test' },
};

/** No station, hazard or rule of this name is anybody's: nothing that listens to a place takes it for its own. */
export const TEST_NAME = 'atalaia-test';

interface TestMessage {
  /** Part of the idempotency key: the same id is the same message. */
  readonly id: string;
  /** Epoch ms. */
  readonly at: number;
  readonly address?: string;
  readonly language?: Language;
  readonly server: { readonly id: string; readonly sender: string; readonly name: string };
}

/**
 * A message that tests a channel, and its CAP form. It is a test whatever the server is: status Test in CAP, `status` in
 * the JSON, and the mark of a test in every text when the channel is of the environment `test`.
 */
export function testMessage({ id, at, address, language, server }: TestMessage): {
  readonly notification: Notification;
  readonly cap: string;
} {
  const issuedAt = Math.floor(at / SECOND_MS) * SECOND_MS;
  const event: AlertEvent = {
    ...{ alert: `test-${id}`, revision: 1, event: 'raised', rule: TEST_NAME, hazard: TEST_NAME },
    ...{ subject: { kind: 'area', id: TEST_NAME }, level: 'yellow' },
    ...{ onsetAt: issuedAt, at: issuedAt, issuedAt, evidence: [] },
  };
  const expiresAt = issuedAt + HOUR_MS;
  const timeZone = 'America/Sao_Paulo';
  const facts: AlertFacts = { title, place: server.name, instruction, expiresAt, timeZone };
  const text = (of: Language): string =>
    messageText({ event, facts }, of, 'test', within(textLimits.telegram));
  const marks = { status: 'Test', text: { 'pt-BR': text('pt-BR'), en: text('en') } };
  const notification: Notification = {
    ...{ key: `test.${id}`, event, facts },
    body: `${formatAlertEvent(event).slice(0, -1)},${JSON.stringify(marks).slice(1)}`,
    ...(address === undefined ? {} : { address }),
    ...(language === undefined ? {} : { language }),
  };
  return { notification, cap: capOf(event, facts, server) };
}

function capOf(
  event: AlertEvent,
  { expiresAt, timeZone }: AlertFacts,
  server: TestMessage['server'],
): string {
  // CAP wants a place: a circle of 0 km at the null island of the sea, where nobody is.
  const station: Station = {
    ...{ id: TEST_NAME, name: server.name, latitude: 0, longitude: 0, altitude: 0 },
    ...{ region: TEST_NAME, timeZone, intervalMs: null },
  };
  const area = { kind: 'radius', km: 0.2 } as const;
  const cap = { urgency: 'Unknown', certainty: 'Unknown', responseType: 'None' };
  const rule = manualRule({
    ...{ name: TEST_NAME, title, hazard: TEST_NAME, instruction, expiresMs: HOUR_MS },
    ...{ subject: 'area' as const, area, cap },
  });
  const revision = {
    event,
    ruleSet: TEST_NAME,
    expiresAt,
    unverified: false,
    levelSinceAt: event.at,
  };
  const output = capMessage({
    ...{ revision, rule, station, hazard, environment: 'test', serverId: server.id },
    ...{ sender: server.sender, senderName: server.name, earlier: [] },
  });
  return output ? serializeCap(output.message) : '';
}
