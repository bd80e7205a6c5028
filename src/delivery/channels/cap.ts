import { z } from 'zod';
import type { AlertEvent } from '../../model/alert.ts';
import type { Channel, Outcome } from '../channel.ts';
import { createHttp, outcomeOf } from './http.ts';
import { httpUrl, type TextDeps } from './text.ts';

export const capPushConfig = z.strictObject({
  kind: z.literal('cap'),
  /** The receiver; a subscription's own address goes before it. */
  url: httpUrl,
  /** Sent as `Authorization: Bearer …`, to the receiver of the configuration alone. */
  token: z.string().min(8).max(4000).optional(),
  /** Allows receivers in private networks and on this machine. */
  allowPrivate: z.boolean().default(false),
});
export type CapPushConfig = z.infer<typeof capPushConfig>;

export interface CapPushDeps extends TextDeps {
  /** The CAP message of a revision as it was published, byte for byte; undefined when none was. */
  readonly cap: (alert: string, revision: number) => Promise<string | undefined>;
}

/**
 * A channel that posts the CAP message of a revision as `application/cap+xml` (the media type of CAP 1.2, section 4.2).
 * Several alerts of one delivery go out one after the other; a receiver tells repeats by the message's identifier.
 */
export function createCapPush(config: CapPushConfig, deps: CapPushDeps): Channel {
  const { url, token, allowPrivate } = config;
  const http = createHttp({ ...deps, allowPrivate, secrets: [token] });
  return {
    async deliver({ event, companions, address, key }, signal) {
      const target = address ?? url;
      const post = async (one: AlertEvent): Promise<Outcome> => {
        const body = await deps.cap(one.alert, one.revision);
        if (body === undefined) return withoutMessage(one);
        const headers = {
          'content-type': 'application/cap+xml',
          'idempotency-key': companions ? `${key}.${one.alert}.${one.revision}` : key,
          // A token for our receiver is not for another one that a subscriber has named.
          ...(token === undefined || new URL(target).origin !== new URL(url).origin
            ? {}
            : { authorization: `Bearer ${token}` }),
        };
        return http.send(target, { headers, body }, signal, (answer) => outcomeOf(answer, deps.clock.now()));
      };
      if (!URL.canParse(target)) return { kind: 'rejected', reason: 'the address is no URL' };
      let last: Outcome = { kind: 'delivered' };
      for (const one of companions ?? [event]) {
        const outcome = await post(one);
        if (outcome.kind === 'retry-later') return outcome;
        if (last.kind !== 'rejected') last = outcome;
      }
      return last;
    },
    close: () => http.close(),
  };
}

function withoutMessage({ event, endReason, alert, revision }: AlertEvent): Outcome {
  if (event === 'ended')
    return { kind: 'delivered', receipt: `no CAP message is due at this end (${endReason})` };
  return {
    kind: 'rejected',
    reason: `alert ${alert}, revision ${revision}: there is no CAP message; see the log`,
  };
}
