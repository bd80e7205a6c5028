/** Languages of every text a person reads; pt-BR first. */
export const languages = ['pt-BR', 'en'] as const;
export type Language = (typeof languages)[number];
export type Text = Readonly<Record<Language, string>>;

/** What a person wrote: for all languages, or one by one. */
export type WrittenText = string | Text;

/** What readers of a language are told of it. */
export const textIn = (text: WrittenText, language: Language): string =>
  typeof text === 'string' ? text : text[language];
