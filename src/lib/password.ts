import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { AtalaiaError } from './errors.ts';

/**
 * Argon2id with 19 MiB, two passes, one lane: the first choice of the OWASP Password Storage Cheat Sheet; salt of 16 and
 * tag of 32 bytes as RFC 9106, section 4 recommends. Some 40 ms of one core.
 */
const COST = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const SALT_BYTES = 16;
const TAG_BYTES = 32;
/** A hash read back may ask for no more than this: it would be a forged one. */
const MAX_MEMORY_KIB = 1_048_576;
const MAX_PASSES = 16;

const MIN_LENGTH = 12;
const MAX_LENGTH = 200;
const MIN_DIFFERENT = 5;

/** One form for what looks the same however it was typed (NIST SP 800-63B, section 3.1.1.2: NFKC). */
const bytesOf = (password: string): Buffer => Buffer.from(password.normalize('NFKC'));

const derive = (parameters: Argon2Parameters): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    argon2('argon2id', parameters, (error, key) => (error ? reject(error) : resolve(key))),
  );

const text = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

/** The PHC string of a password, with a salt of its own. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(SALT_BYTES);
  const key = await derive({ message: bytesOf(password), nonce, tagLength: TAG_BYTES, ...COST });
  return `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${text(nonce)}$${text(key)}`;
}

const PHC =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Whether the password is the one of the hash; false for a hash that is none of ours. Takes as long for a wrong one. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const [, m, t, p, salt = '', tag = ''] = PHC.exec(hash) ?? [];
  const [memory, passes, parallelism] = [Number(m), Number(t), Number(p)];
  const isSane = memory <= MAX_MEMORY_KIB && passes >= 1 && passes <= MAX_PASSES && parallelism >= 1;
  if (!isSane || memory < 8 * parallelism) return false;
  const wanted = Buffer.from(tag, 'base64');
  const nonce = Buffer.from(salt, 'base64');
  const message = bytesOf(password);
  const key = await derive({ message, nonce, tagLength: wanted.length, memory, passes, parallelism });
  return timingSafeEqual(key, wanted);
}

/** Refuses a password that is short, endless, or hardly one. Throws ATL_INPUT. */
export function checkPassword(password: string, name: string): void {
  const normal = password.normalize('NFKC');
  const length = [...normal].length;
  const different = new Set(normal).size;
  const isName =
    normal.toLowerCase().includes(name.normalize('NFKC').toLowerCase()) && length < 2 * MIN_LENGTH;
  if (length >= MIN_LENGTH && length <= MAX_LENGTH && different >= MIN_DIFFERENT && !isName) return;
  throw new AtalaiaError(
    'ATL_INPUT',
    `The password must have ${MIN_LENGTH} to ${MAX_LENGTH} characters, ${MIN_DIFFERENT} of them different, and not consist of the name. A sentence of four words is a good one.`,
  );
}
