import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A destination that the server must not speak to: refused for good, never retried. */
export class ForbiddenAddress extends Error {}

/**
 * True for an address of the public internet. Private, loopback, link-local (cloud metadata), multicast, reserved,
 * translated and IPv4-mapped ones are not: a subscriber's URL must not open our own network (SSRF).
 */
export function isPublicAddress(address: string): boolean {
  const text = address.replace(/^\[|\]$/g, '').split('%')[0] as string;
  return ipaddr.isValid(text) && ipaddr.parse(text).range() === 'unicast';
}

/** Says what is wrong with an address. */
export const forbidden = (host: string, address: string): ForbiddenAddress =>
  new ForbiddenAddress(
    `${host} is ${address}, not a public address; set allowPrivate for a receiver in your own network`,
  );

export type Resolve = (
  hostname: string,
) => Promise<readonly { readonly address: string; readonly family: number }[]>;

const systemResolve: Resolve = (hostname) =>
  new Promise((done, fail) => {
    systemLookup(hostname, { all: true, verbatim: true }, (error, list) =>
      error ? fail(error) : done(list),
    );
  });

/** Resolves once per connection and hands out the very address that was checked, so that a second answer cannot differ. */
export function pinnedLookup(allowPrivate: boolean, resolve: Resolve = systemResolve): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname).then(
      (list) => {
        const first = list[0];
        if (first === undefined) return callback(new Error(`${hostname} has no address`), '', 0);
        const bad = allowPrivate ? undefined : list.find((one) => !isPublicAddress(one.address));
        if (bad) return callback(forbidden(hostname, bad.address), '', 0);
        if (options.all) callback(null, [{ ...first }]);
        else callback(null, first.address, first.family);
      },
      (error: Error) => callback(error, '', 0),
    );
  };
}
