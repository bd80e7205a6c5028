import { createHmac, timingSafeEqual } from 'node:crypto';
import { isSelf, selfId } from '../../store/ledger/subscribers.ts';

/** Meta value of the ledger: what unsubscribe tokens are made with. */
export const SECRET_KEY = 'subscribers:secret';
/** 128 bits: short enough for a text message. */
const TOKEN_LENGTH = 22;

const markOf = (secret: string, id: string): string =>
  createHmac('sha256', secret).update(`unsubscribe ${id}`).digest('base64url').slice(0, TOKEN_LENGTH);

/** The token that ends a subscription: it stands in every message, so it is made anew each time and never kept. */
export const leaveToken = (secret: string, id: string): string =>
  `${id.slice(selfId('').length)}.${markOf(secret, id)}`;

/** The subscription that a token ends; undefined when it is not one of ours. */
export function leftBy(secret: string, token: string): string | undefined {
  const [name = '', mark = '', ...rest] = token.split('.');
  const id = selfId(name);
  const expected = Buffer.from(markOf(secret, id));
  const given = Buffer.from(mark);
  if (rest.length > 0 || given.length !== expected.length) return undefined;
  return timingSafeEqual(given, expected) ? id : undefined;
}

/** Path of the unsubscription; a POST ends it (RFC 8058), a GET only leads to the page that asks. */
export const LEAVE_PATH = '/api/v1/subscribers/unsubscribe';

/** Where a person unsubscribes, for the messages of a subscription; undefined for those of the office. */
export const leaveLink = (base: string, secret: string, id: string): string | undefined =>
  isSelf(id) ? `${base}${LEAVE_PATH}?token=${leaveToken(secret, id)}` : undefined;

/** A page that asks for one click. What stands behind `#` no mail scanner or proxy sends anywhere. */
export const pageLink = (base: string, page: 'confirm' | 'manage' | 'leave', token: string): string =>
  `${base}/#/subscribe/${page}?token=${token}`;
