/** Languages of every text a person reads; pt-BR first. */
export const languages = ['pt-BR', 'en'] as const;
export type Language = (typeof languages)[number];
export type Text = Readonly<Record<Language, string>>;
