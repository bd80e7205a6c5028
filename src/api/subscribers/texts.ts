import { drillMarks, type Environment } from '../../model/environment.ts';
import type { Language, Text } from '../../model/language.ts';

/** Bears a new number whenever {@link consentText} changes: a consent is to the text that was read. */
export const CONSENT_VERSION = '1';
/** LGPD, article 8, paragraph 4: a consent is for a purpose that is named. */
export const CONSENT_PURPOSE = 'weather alerts for the places that the person chose';

/** What a person agrees to, as it stands beside the box that they tick. */
export const consentText: Text = {
  'pt-BR':
    'Concordo que o meu endereço e os lugares que escolhi sejam guardados para me enviar alertas de tempo, e para nada mais. Posso cancelar, ver e apagar tudo a qualquer momento, por um link em cada mensagem ou nesta página.',
  en: 'I agree that my address and the places I chose are kept to send me weather alerts, and for nothing else. I can cancel, see and erase everything at any time, by a link in each message or on this page.',
};

interface Letter {
  readonly subject: Text;
  readonly body: (link: string) => Text;
}

const letters: Readonly<Record<'confirm' | 'manage', Letter>> = {
  confirm: {
    subject: { 'pt-BR': 'Confirme os seus alertas de tempo', en: 'Confirm your weather alerts' },
    body: (link) => ({
      'pt-BR': `Alguém pediu alertas de tempo para este endereço. Para receber, abra e confirme em 24 h: ${link} Se não foi você, não faça nada.`,
      en: `Somebody asked for weather alerts for this address. To get them, open this and confirm within 24 h: ${link} If it was not you, do nothing.`,
    }),
  },
  manage: {
    subject: { 'pt-BR': 'Os seus alertas de tempo', en: 'Your weather alerts' },
    body: (link) => ({
      'pt-BR': `Para ver, cancelar ou apagar o que guardamos deste endereço, abra em 1 h: ${link} Se não foi você, não faça nada.`,
      en: `To see, cancel or erase what we keep of this address, open this within 1 h: ${link} If it was not you, do nothing.`,
    }),
  },
};

/** A letter with a link; where the server is not the real thing the mark of a drill comes first. */
export function letterOf(
  kind: 'confirm' | 'manage',
  link: string,
  language: Language,
  environment: Environment,
): { readonly subject: string; readonly text: string } {
  const mark = drillMarks[environment]?.[language];
  const first = mark === undefined ? '' : `${mark}: `;
  const { subject, body } = letters[kind];
  return { subject: `${first}${subject[language]}`, text: `${first}${body(link)[language]}` };
}
