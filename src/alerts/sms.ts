/** How many parts a text message is sent, and paid for, in. */
export interface SmsSize {
  readonly alphabet: 'GSM-7' | 'UCS-2';
  /** Septets, or code units of 16 bits. */
  readonly units: number;
  readonly segments: number;
}

/** The basic table of the default alphabet (3GPP TS 23.038, section 6.2.1), without the escape. */
const basic = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
);
/** Two septets each: an escape goes before them (section 6.2.1.1). */
const extended = new Set('\f^{}\\[~]|€');

/** Room of a message by itself and of a part of several, which bears a header of 6 bytes (3GPP TS 23.040, 9.2.3.24.1). */
const rooms = { 'GSM-7': { alone: 160, part: 153 }, 'UCS-2': { alone: 70, part: 67 } } as const;

const septets = (character: string): number => (basic.has(character) ? 1 : extended.has(character) ? 2 : 0);

/** Counts a text's parts. No escape sequence and no surrogate pair is cut in two by the end of a part. */
export function smsSize(text: string): SmsSize {
  const characters = [...text];
  const alphabet = characters.every((one) => septets(one) > 0) ? 'GSM-7' : 'UCS-2';
  const sizes = characters.map((one) => (alphabet === 'GSM-7' ? septets(one) : one.length));
  const units = sizes.reduce((sum, size) => sum + size, 0);
  const { alone, part } = rooms[alphabet];
  if (units <= alone) return { alphabet, units, segments: 1 };
  let segments = 1;
  let used = 0;
  for (const size of sizes) {
    if (used + size > part) {
      segments += 1;
      used = 0;
    }
    used += size;
  }
  return { alphabet, units, segments };
}

/**
 * A text in the default alphabet: letters it lacks lose their accents (`ã` and `ç` are not in it), dashes and quotes
 * become plain ones, what is left is told as `?`. One such letter would make room for 70 characters instead of 160.
 */
export function toGsm(text: string): string {
  const plain = text.replace(/[–—−]/g, '-').replace(/[“”„]/g, '"').replace(/[‘’]/g, "'");
  return [...plain.replaceAll('…', '...').normalize('NFC')]
    .map((one) => {
      if (septets(one) > 0) return one;
      const bare = one.normalize('NFD').replace(/\p{M}/gu, '');
      return [...bare].every((letter) => septets(letter) > 0) ? bare : '?';
    })
    .join('');
}
