import { AtalaiaError } from '../../../lib/errors.ts';
import { damaged } from './bits.ts';

/** Messages of one file; a bulletin has one or a few. */
const MAX_MESSAGES = 1000;
/** Data categories of table A: surface data over land and sea. */
const SURFACE = new Set([0, 1]);

/** What stands before the data of a message. */
export interface Heading {
  readonly subsets: number;
  readonly isCompressed: boolean;
  /** FXXYYY as numbers. */
  readonly descriptors: readonly number[];
  /** Section 4 with its head of four bytes. */
  readonly data: Uint8Array;
}

/** How far behind the beginning, after a heading of a bulletin, the first message begins at most. */
const MAX_HEADING = 200;

/** Whether data are BUFR by their first bytes, with or without the heading of a bulletin. */
export function isBufr(body: Uint8Array): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, MAX_HEADING));
  const at = bytes.indexOf('BUFR');
  // Behind the letters stand the length and the edition: text has none of such numbers.
  return at >= 0 && at + 7 < bytes.length && (bytes[at + 7] as number) < 0x20;
}

/**
 * The BUFR messages of a file, one after the other, with or without headings of bulletins between them. Each goes to where
 * the next one begins or the file ends at most.
 * @throws AtalaiaError ATL_UNREADABLE when there is none, ATL_TOO_LARGE beyond 1,000
 */
export function messagesOf(body: Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const messages: Uint8Array[] = [];
  let at = bytes.indexOf('BUFR');
  while (at >= 0) {
    if (messages.length === MAX_MESSAGES)
      throw new AtalaiaError(
        'ATL_TOO_LARGE',
        `The file has more than ${MAX_MESSAGES} BUFR messages; send it in smaller parts.`,
      );
    const said = at + 8 <= bytes.length ? bytes.readUIntBE(at + 4, 3) : 0;
    const isWhole = said >= 8 && bytes.toString('latin1', at + said - 4, at + said) === '7777';
    // The letters may come in the data of a whole message; of one that is damaged the length is not to be trusted.
    const next = bytes.indexOf('BUFR', at + (isWhole ? said : 4));
    messages.push(bytes.subarray(at, isWhole ? at + said : next < 0 ? bytes.length : next));
    at = next;
  }
  if (messages.length === 0)
    throw new AtalaiaError(
      'ATL_UNREADABLE',
      'No BUFR message is found; a file with the letters BUFR is expected.',
    );
  return messages;
}

/**
 * Reads sections 0 to 3 and finds section 4 of a message of edition 3 or 4 (WMO-No. 306, Volume I.2, Part B, FM 94).
 * @throws AtalaiaError ATL_UNREADABLE with section and byte
 */
export function headingOf(message: Uint8Array): Heading {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  if (bytes.length < 8) throw damaged(0, bytes.length, `8 bytes are expected, but ${bytes.length} came`);
  const [length, edition] = [bytes.readUIntBE(4, 3), bytes.readUInt8(7)];
  if (edition !== 3 && edition !== 4) throw damaged(0, 8, `edition ${edition} is not read, 3 and 4 are`);
  if (length !== bytes.length)
    throw damaged(0, 5, `the message has ${length} bytes by its head, but ${bytes.length} came`);
  if (bytes.toString('latin1', length - 4) !== '7777') throw damaged(5, 1, 'it does not end in 7777');
  let at = 8;
  const section = (number: number, least: number): Buffer => {
    const left = length - 4 - at;
    const size = left >= 3 ? bytes.readUIntBE(at, 3) : 0;
    if (size < least || size > left)
      throw damaged(
        number,
        1,
        `its length is ${size} bytes, of ${left} that are left; ${least} are the least`,
      );
    at += size;
    return bytes.subarray(at - size, at);
  };
  const first = section(1, edition === 4 ? 22 : 17);
  checkIdentification(first, edition);
  if (((first[edition === 4 ? 9 : 7] as number) & 0x80) !== 0) section(2, 4);
  const third = section(3, 9);
  const data = section(4, 4);
  if (at !== length - 4) throw damaged(5, 1, `${length - 4 - at} bytes stand between section 4 and the end`);
  const descriptors: number[] = [];
  for (let byte = 7; byte + 1 < third.length; byte += 2) {
    const word = third.readUInt16BE(byte);
    descriptors.push((word >> 14) * 100_000 + ((word >> 8) & 0x3f) * 1000 + (word & 0xff));
  }
  const flags = third[6] as number;
  return { subsets: third.readUInt16BE(4), isCompressed: (flags & 0x40) !== 0, descriptors, data };
}

function checkIdentification(first: Buffer, edition: number): void {
  if (first[3] !== 0) throw damaged(1, 4, `master table ${first[3]} is none of meteorology (0)`);
  const byte = edition === 4 ? 11 : 9;
  const category = first[byte - 1] as number;
  if (!SURFACE.has(category))
    throw damaged(1, byte, `data of category ${category} are no surface observations (0 or 1)`);
}
