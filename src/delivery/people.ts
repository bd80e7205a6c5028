import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import { type Contact, type Directory, onDutyAt } from '../model/roster.ts';
import { createBreaker } from './breaker.ts';
import type { Channel, Notification, Outcome } from './channel.ts';
import { destinationOf } from './destination.ts';

export interface PeopleOptions {
  readonly directory: Directory;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly clock: Clock;
  readonly random: Random;
  /** One attempt on all contacts of a person is given so long, ms. */
  readonly timeoutMs: number;
}

const FAILURES = 3;

/**
 * The channel to people: finds at the time of telling who is on duty, and tries that person's contacts in their order
 * until one takes it. Each contact is given an equal part of the time; one that keeps failing is tried after the others
 * for a while. The key that a contact is given names the person and the contact: the same for every
 * repeat, another for another receiver.
 */
export function createPeopleChannel(options: PeopleOptions): Channel {
  const { directory, channels, clock, random, timeoutMs } = options;
  const breaker = createBreaker(FAILURES, random);

  async function tryOne(
    contact: Contact,
    notification: Notification,
    signal: AbortSignal,
    ms: number,
  ): Promise<Outcome> {
    const channel = channels.get(contact.channel);
    if (!channel) return { kind: 'rejected', reason: `channel "${contact.channel}" is not configured` };
    const abort = new AbortController();
    let cancel = (): void => {};
    const late = new Promise<Outcome>((done) => {
      const end = (): void => {
        abort.abort();
        done({ kind: 'retry-later', reason: `no outcome within ${ms} ms` });
      };
      cancel = clock.after(ms, end);
      signal.addEventListener('abort', end, { once: true, signal: abort.signal });
    });
    try {
      return await Promise.race([channel.deliver(notification, abort.signal), late]);
    } catch (error) {
      return { kind: 'retry-later', reason: error instanceof Error ? error.message : String(error) };
    } finally {
      cancel();
    }
  }

  async function tell(person: string, notification: Notification, signal: AbortSignal): Promise<Outcome> {
    const known = directory.people[person];
    if (!known) return { kind: 'rejected', reason: `there is no person "${person}" in the configuration` };
    const share = timeoutMs / known.contacts.length;
    const failures: string[] = [];
    let isOver = true;
    const tryAt = async (contact: Contact, index: number): Promise<Outcome | undefined> => {
      if (signal.aborted) return undefined;
      const { address: _, ...rest } = notification;
      const address = contact.address === undefined ? {} : { address: contact.address };
      const given = { ...rest, ...address, key: `${notification.key}.${person}.${index + 1}` };
      const outcome = await tryOne(contact, given, signal, share);
      const place = destinationOf(contact);
      if (outcome.kind === 'delivered') {
        breaker.succeeded(place);
        return {
          kind: 'delivered',
          receipt: [person, contact.channel, outcome.receipt ?? ''].join(' ').trim(),
        };
      }
      breaker.failed(place, clock.now());
      failures.push(`${person} by ${contact.channel}: ${outcome.reason}`);
      isOver &&= outcome.kind === 'rejected';
      return undefined;
    };
    const skipped: [Contact, number][] = [];
    for (const [index, contact] of known.contacts.entries()) {
      if (breaker.enter(destinationOf(contact), clock.now()) > 0) skipped.push([contact, index]);
      else {
        const told = await tryAt(contact, index);
        if (told) return told;
      }
    }
    // Those that kept failing come last, not never: the delivery has a back-off of its own.
    for (const [contact, index] of skipped) {
      const told = await tryAt(contact, index);
      if (told) return told;
    }
    const reason = failures.join('; ') || 'no contact could be tried in time';
    if (isOver && failures.length === known.contacts.length) return { kind: 'rejected', reason };
    return { kind: 'retry-later', reason, isReceivers: true };
  }

  return {
    async deliver(notification, signal) {
      const [kind, name = ''] = notification.address?.split(' ') ?? [];
      if (kind === 'person') return tell(name, notification, signal);
      const roster = kind === 'roster' ? directory.rosters[name] : undefined;
      if (roster) return tell(onDutyAt(roster, clock.now()), notification, signal);
      return { kind: 'rejected', reason: `there is no ${kind} "${name}" in the configuration` };
    },
    async close() {},
  };
}
