import type { Text } from './language.ts';

/** What everybody who was told of a false alarm is told, unless a person writes better. */
export const falseAlarmText: Text = {
  'pt-BR': 'Alarme falso: não há perigo. Desconsidere o alerta anterior, que foi enviado por engano.',
  en: 'False alarm: there is no danger. Disregard the earlier alert, which was sent by mistake.',
};
