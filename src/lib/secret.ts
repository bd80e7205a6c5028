import { createHash, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;
const ID_BYTES = 6;

/** A secret of 256 bits of chance, in letters that fit into every header and address. */
export const newSecret = (prefix: string): string =>
  `${prefix}${randomBytes(SECRET_BYTES).toString('base64url')}`;

/** The name of something that is no secret. */
export const newId = (): string => randomBytes(ID_BYTES).toString('hex');

/** What is kept of a secret, and by which it is found: who sees how long the search takes learns nothing of the secret. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');
