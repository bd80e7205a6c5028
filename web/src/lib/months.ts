import type { Language } from '../../../src/model/language.ts';

/** `jan`, `Jan`: a month from 0. */
export const monthName = (month: number, language: Language): string =>
  new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, { month: 'short', timeZone: 'UTC' })
    .format(Date.UTC(2000, month, 15))
    .replace('.', '');
