import type { PersonalNotice, SubscriberDesk } from '../../api/subscribers/desk.ts';
import { isPersonal } from '../../api/subscribers/input.ts';
import { leaveLink, SECRET_KEY } from '../../api/subscribers/links.ts';
import { backoffMs } from '../../delivery/backoff.ts';
import type { Channel } from '../../delivery/channel.ts';
import { sleep } from '../../lib/clock.ts';
import { invariant } from '../../lib/errors.ts';
import { withoutAddresses } from '../../lib/redact.ts';
import { newId, newSecret } from '../../lib/secret.ts';
import { DAY_MS, MINUTE_MS } from '../../model/time.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Config } from '../config/schema.ts';
import type { Stores } from '../stores/stores.ts';
import type { SystemOptions } from '../system-options.ts';

/** Letters under way or to be tried again; they are in memory alone, as their tokens are. */
const MAX_LETTERS = 1000;
/** Mail servers that grey-list want the second attempt after some minutes. */
const ATTEMPTS = 6;
const backoff = { baseMs: 15_000, capMs: 15 * MINUTE_MS };
const TIMEOUT_MS = 15_000;
const PRUNE_EVERY_MS = 10 * MINUTE_MS;
/** Proof of a consent that ended: claims of consumers are barred after five years (Código de Defesa do Consumidor, art. 27). */
const CONSENT_KEPT_MS = 5 * 366 * DAY_MS;

/** Makes what unsubscribe tokens are made with, once in the life of a ledger; one process at a time. */
export async function putSubscriberSecret(ledger: Pick<Ledger, 'meta' | 'putMeta'>): Promise<void> {
  if ((await ledger.meta(SECRET_KEY)) === undefined) await ledger.putMeta(SECRET_KEY, newSecret(''));
}

/** What people who subscribe themselves need: channels, letters, links, and an end to what is over. */
export interface Subscribers {
  readonly desk: SubscriberDesk;
  readonly leaveLink: (subscription: string) => string | undefined;
  stop(): Promise<void>;
}

const publicChannels = ({ channels }: Config): SubscriberDesk['channels'] =>
  Object.entries(channels).flatMap(([name, { kind, public: isOpen }]) =>
    isOpen === true && isPersonal(kind) ? [{ name, kind }] : [],
  );

/** Opens the desk of subscribers over the channels of the configuration. */
export async function openSubscribers(
  options: SystemOptions,
  { ledger }: Stores,
  channels: ReadonlyMap<string, Channel>,
  baseUrl: () => string,
): Promise<Subscribers> {
  const { config, clock, log } = options;
  const secret = await ledger.meta(SECRET_KEY);
  invariant(secret !== undefined, 'the secret of unsubscribe tokens is not kept');
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  const send = async (notice: PersonalNotice): Promise<void> => {
    const reason = await sendLetter(options, channels.get(notice.channel), notice, stopping.signal);
    if (reason !== undefined)
      log.error(
        { channel: notice.channel, reason: withoutAddresses(reason, notice.address) },
        'a letter to a subscriber was given up',
      );
  };
  const prune = (): void =>
    void ledger
      .pruneSubscribers(clock.now(), clock.now() - CONSENT_KEPT_MS)
      .catch((err) => log.warn({ err }, 'requests of subscribers that are over could not be taken out'));
  prune();
  const timer = setInterval(prune, PRUNE_EVERY_MS);
  return {
    desk: {
      channels: publicChannels(config),
      secret,
      baseUrl,
      notify(notice) {
        if (underWay.size >= MAX_LETTERS || stopping.signal.aborted) return false;
        const work = send(notice).finally(() => underWay.delete(work));
        underWay.add(work);
        return true;
      },
    },
    leaveLink: (subscription) => leaveLink(baseUrl(), secret, subscription),
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await Promise.all(underWay);
    },
  };
}

/** Tries a letter until it is taken; resolves with the reason when it is given up. */
async function sendLetter(
  { clock, random }: SystemOptions,
  channel: Channel | undefined,
  notice: PersonalNotice,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!channel?.tell) return 'the channel takes no letters';
  const key = `letter.${newId()}`;
  let reason = '';
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const outcome = await channel
      .tell({ ...notice, key }, limit)
      .catch((error: unknown) => ({ kind: 'retry-later' as const, reason: String(error), afterMs: 0 }));
    if (outcome.kind === 'delivered') return undefined;
    reason = outcome.reason;
    if (outcome.kind === 'rejected' || attempt === ATTEMPTS) return reason;
    const waitMs = Math.max(outcome.afterMs ?? 0, backoffMs(attempt, random, backoff));
    const aborted = new Promise((done) => signal.addEventListener('abort', done, { once: true }));
    if (!signal.aborted) await Promise.race([sleep(clock, waitMs), aborted]);
    if (signal.aborted) return `the server stopped; ${reason}`;
  }
  return reason;
}
