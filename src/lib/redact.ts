const MAIL = /[^\s<>()"',;:]+@[^\s<>()"',;:]+/g;
/** Seven digits or more: a telephone number or the id of a chat; no date, and no part of a longer name. */
const NUMBER = /(?<![\w-])(?!\d{4}-\d\d-\d\d)[+-]?\d[\d ()-]{5,}\d(?![\w-])/g;

/** A text of a receiver without the addresses of people: `known`, every mail address and every long number become `…`. */
export function withoutAddresses(text: string, known?: string): string {
  const own = known === undefined || known === '' ? text : text.replaceAll(known, '…');
  return own.replace(MAIL, '…').replace(NUMBER, '…');
}
