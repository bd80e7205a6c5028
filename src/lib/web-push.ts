import {
  createCipheriv,
  createECDH,
  createHmac,
  createPrivateKey,
  type ECDH,
  hkdfSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';

/** What a browser hands out for one of its subscriptions (Push API): where to, and the keys to encrypt for. */
export interface PushTarget {
  readonly endpoint: string;
  /** Uncompressed point of P-256, 65 bytes. */
  readonly p256dh: Uint8Array;
  /** Secret of 16 bytes. */
  readonly auth: Uint8Array;
}

/** Most bytes of a message: what every push service takes, 4096, without header, padding sign and tag. */
export const MAX_PUSH_BYTES = 4096 - 86 - 17;

const RECORD_SIZE = 4096;

/**
 * Encrypts a message for one subscription with `aes128gcm` in one record (RFC 8291, section 3; RFC 8188, section 2).
 * `salt` and `server` are made anew for each message; tests give them. Throws when the receiver's key is no point of P-256.
 */
export function encryptPush(
  plain: Uint8Array,
  { p256dh, auth }: Pick<PushTarget, 'p256dh' | 'auth'>,
  salt: Uint8Array = randomBytes(16),
  server: ECDH = freshKey(),
): Uint8Array {
  const own = server.getPublicKey();
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), p256dh, own]);
  const keyMaterial = hkdfSync('sha256', server.computeSecret(p256dh), auth, info, 32);
  const derive = (label: string, length: number): Buffer =>
    Buffer.from(
      hkdfSync('sha256', Buffer.from(keyMaterial), salt, Buffer.from(`Content-Encoding: ${label}\0`), length),
    );
  const cipher = createCipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12));
  const size = Buffer.alloc(5);
  size.writeUInt32BE(RECORD_SIZE);
  size[4] = own.length;
  // 2 ends the last record.
  return Buffer.concat([
    salt,
    size,
    own,
    cipher.update(plain),
    cipher.update(Buffer.of(2)),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
}

function freshKey(): ECDH {
  const key = createECDH('prime256v1');
  key.generateKeys();
  return key;
}

/** The server's own key pair (VAPID), as browsers and push services know it. */
export interface VapidKey {
  /** Uncompressed point in base64url, what a browser subscribes with. */
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}

/** A new pair, both in base64url. */
export function makeVapid(): { readonly publicKey: string; readonly privateKey: string } {
  const pair = freshKey();
  // Leading zeros are part of the 32 bytes.
  const privateKey = pair.getPrivateKey('hex').padStart(64, '0');
  return {
    publicKey: pair.getPublicKey('base64url'),
    privateKey: Buffer.from(privateKey, 'hex').toString('base64url'),
  };
}

/** Reads a VAPID private key: 32 bytes in base64url. Undefined when it is none. */
export function readVapid(privateKey: string): VapidKey | undefined {
  const d = Buffer.from(privateKey, 'base64url');
  if (d.length !== 32) return undefined;
  const pair = createECDH('prime256v1');
  try {
    pair.setPrivateKey(d);
    const point = pair.getPublicKey();
    const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => half.toString('base64url')) as [
      string,
      string,
    ];
    const jwk = { kty: 'EC', crv: 'P-256', x, y, d: d.toString('base64url') };
    return {
      publicKey: point.toString('base64url'),
      privateKey: createPrivateKey({ key: jwk, format: 'jwk' }),
    };
  } catch {
    return undefined;
  }
}

/** `Authorization` of VAPID (RFC 8292, section 3): who sends, to which service, signed until `expiresAt` (epoch ms). */
export function vapidHeader(key: VapidKey, endpoint: string, subject: string, expiresAt: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { aud: new URL(endpoint).origin, exp: Math.floor(expiresAt / 1000), sub: subject };
  const unsigned = `${part({ typ: 'JWT', alg: 'ES256' })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(unsigned), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `vapid t=${unsigned}.${signature.toString('base64url')}, k=${key.publicKey}`;
}

/** A topic of RFC 8030 (section 5.4): at most 32 characters of base64url; longer ones are told by their hash. */
export const pushTopic = (text: string): string =>
  /^[\w-]{1,32}$/.test(text)
    ? text
    : createHmac('sha256', 'topic').update(text).digest('base64url').slice(0, 32);
