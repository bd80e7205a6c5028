import type { RaiseCommand } from './act.ts';
import type { Environment } from './environment.ts';
import { manualRule } from './manual-rule.ts';
import type { Subject } from './subject.ts';
import { MINUTE_MS } from './time.ts';

/**
 * Hazard of the alerts by which the system tests itself. It stands in no table of hazards: no rule, template, request or
 * subscription can name it.
 */
export const SELF_TEST = 'self-test';

/** The station that the system makes up for it; no registry knows it. */
export const selfTestSubject: Subject = { kind: 'station', id: SELF_TEST };

/** Whether an alert is the system's test of itself. */
export const isSelfTest = ({ hazard }: { readonly hazard: string }): boolean => hazard === SELF_TEST;

/** What the texts of an alert say they are: a test of the system is one on every server. */
export const environmentOf = (event: { readonly hazard: string }, environment: Environment): Environment =>
  isSelfTest(event) ? 'test' : environment;

/** Unlike that of people who subscribed themselves (`self-`). */
const PREFIX = 'system-test:';

/** Id of the subscription by which a channel is tested. */
export const selfTestRecipient = (channel: string): string => PREFIX + channel;

/** Whether a delivery goes to a channel to test it. */
export const isSelfTestRecipient = (subscription: { readonly id: string }): boolean =>
  subscription.id.startsWith(PREFIX);

/** The alert stands a little longer than its deliveries are waited for; then the clock ends it. */
const AFTERWARDS_MS = 10 * MINUTE_MS;

/**
 * The record that begins a test: an alert raised as by a person, of a rule of its own that is never public.
 * @param at whole seconds, epoch ms
 */
export const selfTestCommand = (at: number, deadlineMs: number, by: string): RaiseCommand => ({
  type: 'raise',
  rule: manualRule({
    name: 'system:self-test',
    title: { 'pt-BR': 'Teste de ponta a ponta dos avisos', en: 'End-to-end test of the warnings' },
    hazard: SELF_TEST,
    instruction: {
      'pt-BR': 'Não é preciso fazer nada: esta mensagem só verifica que os avisos chegam.',
      en: 'Nothing has to be done: this message only checks that warnings arrive.',
    },
    expiresMs: deadlineMs + AFTERWARDS_MS,
    subject: 'station',
    cap: { urgency: 'Unknown', certainty: 'Unknown', responseType: 'None' },
    publication: 'never',
  }),
  subject: selfTestSubject,
  level: 'yellow',
  at,
  by,
});
