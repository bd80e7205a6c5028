import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AtalaiaError } from '../../lib/errors.ts';
import { hashSecret, newId, newSecret } from '../../lib/secret.ts';
import { HOUR_MS } from '../../model/time.ts';
import { hazards, operatorHazards } from '../../rules/hazard.ts';
import {
  isSelf,
  type Person,
  type SubscriberRequest,
  selfId,
  type Wanted,
} from '../../store/ledger/subscribers.ts';
import { actorOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { readBody, readQuery } from '../input.ts';
import { HttpProblem } from '../problem.ts';
import { RateLimiter } from '../rate-limit.ts';
import { type Route, ref } from '../route.ts';
import { erasePerson, exportPerson, type SubscriberDesk } from './desk.ts';
import { addressOf, manageBody, personBody, subscriberBody, tokenBody } from './input.ts';
import { LEAVE_PATH, leftBy, pageLink } from './links.ts';
import { CONSENT_PURPOSE, CONSENT_VERSION, consentText, letterOf } from './texts.ts';

const CONFIRM_MS = 24 * HOUR_MS;
const MANAGE_MS = HOUR_MS;
/** Letters that wait for their answer: of all, and of one address by kind. */
const WAITING = { all: 10_000, perAddress: 5 };
/** People who subscribe themselves: every one of them is asked at each alert. */
const MAX_SUBSCRIBERS = 20_000;
/** Every answer takes as long, whatever was found of the address. */
const ANSWER_MS = 250;
/** Of one client: ten at once, then one in a minute. */
const perClient = { perSecond: 1 / 60, burst: 10, clients: 10_000 };

const limiters = new WeakMap<SubscriberDesk, RateLimiter>();

/** The desk, and that this client has not asked too often. */
function deskFor(
  request: FastifyRequest,
  reply: FastifyReply,
  { subscribers: desk }: ApiDeps,
): SubscriberDesk {
  if (!desk || desk.channels.length === 0)
    throw new AtalaiaError(
      'ATL_NOT_FOUND',
      'Nobody can subscribe here by themselves: no channel of the configuration is `public: true`.',
    );
  const limiter = limiters.get(desk) ?? new RateLimiter(perClient);
  limiters.set(desk, limiter);
  const seconds = limiter.take(request.ip);
  if (seconds === 0) return desk;
  reply.header('Retry-After', String(seconds));
  throw new HttpProblem(
    'ATL_TOO_MANY',
    `Too many requests came from ${request.ip}. Try again in ${seconds} s.`,
  );
}

const clockOf = (deps: ApiDeps): number => (deps.deliveryNow ?? deps.now)();
const accepted = { accepted: true } as const;

function channelOf(
  { channels }: SubscriberDesk,
  given: { readonly channel: string; readonly address: string },
) {
  const channel = channels.find(({ name }) => name === given.channel);
  if (channel) return { channel: channel.name, address: addressOf(channel.kind, given.address) };
  const open = channels.map(({ name }) => name).join(', ');
  throw new AtalaiaError(
    'ATL_INPUT',
    `Body \`channel\`: ${given.channel} is not open to the public; open: ${open}.`,
  );
}

/**
 * Keeps a request and sends its token to the address. Answers in one form and time, so that nobody learns from it what
 * is kept of an address; only the bound over all addresses is told.
 */
async function ask(
  given: Pick<SubscriberRequest, 'kind' | 'channel' | 'address' | 'language' | 'wanted'>,
  desk: SubscriberDesk,
  deps: ApiDeps,
): Promise<typeof accepted> {
  const floor = new Promise((done) => setTimeout(done, ANSWER_MS));
  const token = newSecret('');
  const createdAt = clockOf(deps);
  const endsAt = createdAt + (given.kind === 'confirm' ? CONFIRM_MS : MANAGE_MS);
  const kept = await deps.ledger.keepRequest(
    { ...given, hash: hashSecret(token), createdAt, endsAt },
    WAITING,
  );
  if (kept === 'full')
    throw new AtalaiaError(
      'ATL_BUSY',
      `${WAITING.all} requests wait for their confirmation. Try again in an hour.`,
    );
  const send = (): void => {
    const link = pageLink(desk.baseUrl(), given.kind, token);
    const { channel, address, language } = given;
    const letter = letterOf(given.kind, link, language, deps.environment);
    if (!desk.notify({ channel, address, language, ...letter }))
      deps.log.error({ channel }, 'a letter to a subscriber is not sent: too many wait');
  };
  await floor;
  if (kept === 'enough') deps.log.warn({ channel: given.channel }, 'an address has enough letters that wait');
  else if (given.kind === 'confirm') send();
  else void ifKnown(given, desk, deps, send);
  return accepted;
}

/** Nobody is written to who never subscribed. */
async function ifKnown(
  { address }: { readonly address: string },
  desk: SubscriberDesk,
  { ledger, log, channels }: ApiDeps,
  send: () => void,
): Promise<void> {
  try {
    const person = personOf(address, channels?.() ?? desk.channels.map(({ name }) => name));
    const { subscriptions, consents } = await ledger.personal(person);
    if (subscriptions.length + consents.length > 0) send();
  } catch (err) {
    log.error({ err }, 'a letter to a subscriber is not sent');
  }
}

const personOf = (address: string, channels: readonly string[]): Person => ({
  address,
  channels,
  office: false,
});

const options: Route = {
  method: 'GET',
  path: '/api/v1/subscribers/options',
  operationId: 'getSubscriberOptions',
  summary: 'What people can choose who subscribe themselves, and the text that they agree to.',
  responses: { 200: { description: 'Channels, hazards, areas, consent', schema: { type: 'object' } } },
  handler(_request, _reply, { subscribers, areas }) {
    return {
      channels: subscribers?.channels ?? [],
      hazards: [...hazards]
        .filter(([key]) => !operatorHazards.has(key))
        .map(([key, { event }]) => ({ key, name: event })),
      areas: (areas?.() ?? []).map(({ id, name }) => ({ id, name })),
      consent: { version: CONSENT_VERSION, text: consentText },
    };
  },
};

const post: Route = {
  method: 'POST',
  path: '/api/v1/subscribers',
  operationId: 'postSubscriber',
  summary: 'Asks for alerts to an address of one’s own; a letter with a link that confirms goes there.',
  body: { types: ['application/json'], schema: ref('SubscriberInput') },
  responses: { 202: { description: 'Always the same answer', schema: { type: 'object' } } },
  problems: [404, 415, 422, 429, 503],
  async handler(request, reply, deps) {
    const desk = deskFor(request, reply, deps);
    const { channel, address, consent: _, ...wanted } = readBody(subscriberBody, request.body);
    const where = channelOf(desk, { channel, address });
    const language = wanted.languages?.[0] ?? 'pt-BR';
    const areas = wanted.areas ?? [];
    // Absent keys stay absent.
    const plain = JSON.parse(JSON.stringify({ ...wanted, areas, languages: [language] })) as Wanted;
    return reply
      .code(202)
      .send(await ask({ kind: 'confirm', ...where, language, wanted: plain }, desk, deps));
  },
};

const confirm: Route = {
  method: 'POST',
  path: '/api/v1/subscribers/confirm',
  operationId: 'confirmSubscriber',
  summary:
    'Makes the subscription of a token that came by letter; what the address had on the channel is replaced.',
  body: { types: ['application/json'], schema: ref('SubscriberToken') },
  responses: { 200: { description: 'What the person is told of', schema: { type: 'object' } } },
  problems: [404, 415, 422, 429, 503],
  async handler(request, reply, deps) {
    deskFor(request, reply, deps);
    const { token } = readBody(tokenBody, request.body);
    const now = clockOf(deps);
    const given = { id: selfId(newId()), version: CONSENT_VERSION, purpose: CONSENT_PURPOSE, now };
    const made = await deps.ledger.confirm(hashSecret(token), given, MAX_SUBSCRIBERS);
    if (!made) throw unknownToken();
    if (made === 'full')
      throw new AtalaiaError(
        'ATL_BUSY',
        `${MAX_SUBSCRIBERS} people are subscribed, and no more can be. Tell the office.`,
      );
    await deps.ledger.record([{ at: now, by: 'subscriber', action: 'subscriber.confirm', subject: made.id }]);
    const { id: _id, name: _name, address: _address, ...told } = made;
    return told;
  },
};

const manage: Route = {
  method: 'POST',
  path: '/api/v1/subscribers/manage',
  operationId: 'manageSubscriber',
  summary: 'Sends a link to an address by which its owner sees, cancels and erases what is kept.',
  body: { types: ['application/json'], schema: ref('SubscriberManage') },
  responses: { 202: { description: 'Always the same answer', schema: { type: 'object' } } },
  problems: [404, 415, 422, 429, 503],
  async handler(request, reply, deps) {
    const desk = deskFor(request, reply, deps);
    const { language, ...given } = readBody(manageBody, request.body);
    return reply
      .code(202)
      .send(await ask({ kind: 'manage', ...channelOf(desk, given), language }, desk, deps));
  },
};

const unknownToken = (): AtalaiaError =>
  new AtalaiaError('ATL_NOT_FOUND', 'This link is not valid: used, over or mistyped. Ask for a new one.');

/** Whose token it is. Every channel with the address is theirs: a number is one person's by SMS and WhatsApp. */
async function managed(request: FastifyRequest, deps: ApiDeps): Promise<Person> {
  const { token } = readBody(tokenBody, request.body);
  const found = await deps.ledger.request(hashSecret(token), 'manage', clockOf(deps));
  if (!found) throw unknownToken();
  return personOf(found.address, deps.channels?.() ?? [found.channel]);
}

const ownExport: Route = {
  method: 'POST',
  path: '/api/v1/subscribers/export',
  operationId: 'exportSubscriber',
  summary: 'Everything that is kept about the address to which the token was sent.',
  body: { types: ['application/json'], schema: ref('SubscriberToken') },
  responses: { 200: { description: 'All of it', schema: { type: 'object' } } },
  problems: [404, 415, 422, 429],
  async handler(request, reply, deps) {
    deskFor(request, reply, deps);
    const person = await managed(request, deps);
    reply.header('Cache-Control', 'no-store');
    return exportPerson(deps.ledger, person, { by: 'subscriber', now: clockOf(deps) });
  },
};

const ownErase: Route = {
  method: 'POST',
  path: '/api/v1/subscribers/erase',
  operationId: 'eraseSubscriber',
  summary: 'Erases what is kept about the address to which the token was sent; how much of each is told.',
  body: { types: ['application/json'], schema: ref('SubscriberToken') },
  responses: { 200: { description: 'How much was erased', schema: { type: 'object' } } },
  problems: [404, 415, 422, 429],
  async handler(request, reply, deps) {
    deskFor(request, reply, deps);
    const person = await managed(request, deps);
    return erasePerson(deps.ledger, person, { by: 'subscriber', now: clockOf(deps) });
  },
};

const leaveQuery = z.strictObject({ token: tokenBody.shape.token });

/** The token of a link in a message, or of a letter that lets its reader manage all. */
async function leavers(token: string, deps: ApiDeps): Promise<readonly string[]> {
  const own = deps.subscribers && leftBy(deps.subscribers.secret, token);
  if (own !== undefined) return [own];
  const found = await deps.ledger.request(hashSecret(token), 'manage', clockOf(deps));
  if (!found) throw unknownToken();
  const person = personOf(found.address, deps.channels?.() ?? [found.channel]);
  return (await deps.ledger.personal(person)).subscriptions.flatMap(({ id }) => (isSelf(id) ? [id] : []));
}

const leave: Route = {
  method: 'POST',
  path: LEAVE_PATH,
  operationId: 'unsubscribe',
  summary: 'Ends a subscription at once (RFC 8058), with what waits to be sent. A repeat changes nothing.',
  query: leaveQuery,
  body: {
    types: ['application/x-www-form-urlencoded', 'multipart/form-data', 'application/json', 'text/plain'],
    schema: { type: 'string', description: 'Not read: the token alone counts.' },
    raw: true,
  },
  responses: { 200: { description: 'Nothing more is sent', schema: { type: 'object' } } },
  problems: [404],
  async handler(request, _reply, deps) {
    const ids = await leavers(readQuery(leaveQuery, request.query).token, deps);
    const now = clockOf(deps);
    for (const id of ids)
      if (await deps.ledger.endSubscriber(id, now))
        await deps.ledger.record([{ at: now, by: 'subscriber', action: 'subscriber.leave', subject: id }]);
    return { unsubscribed: true };
  },
};

const leavePage: Route = {
  method: 'GET',
  path: LEAVE_PATH,
  operationId: 'getUnsubscribe',
  summary: 'Leads to the page that asks: mail scanners follow links, and must end nothing.',
  query: leaveQuery,
  responses: { 303: { description: 'The page' } },
  handler(request, reply) {
    const { token } = readQuery(leaveQuery, request.query);
    return reply
      .code(303)
      .header('Location', pageLink('', 'leave', token))
      .send();
  },
};

const officeExport: Route = {
  method: 'POST',
  path: '/api/v1/subscribers/office/export',
  operationId: 'exportPerson',
  summary: 'Everything that is kept about an address, for a person who asks the office.',
  body: { types: ['application/json'], schema: ref('PersonInput') },
  responses: { 200: { description: 'All of it', schema: { type: 'object' } } },
  problems: [415, 422],
  async handler(request, _reply, deps) {
    const { address } = readBody(personBody, request.body);
    const asking = { by: actorOf(request) ?? 'operator', now: clockOf(deps) };
    return exportPerson(deps.ledger, { address, channels: deps.channels?.() ?? [] }, asking);
  },
};

const officeErase: Route = {
  method: 'POST',
  path: '/api/v1/subscribers/office/erase',
  operationId: 'erasePerson',
  summary: 'Erases what is kept about an address, subscriptions by operators included.',
  body: { types: ['application/json'], schema: ref('PersonInput') },
  responses: {
    200: { description: 'How much was erased; `left` is in the configuration', schema: { type: 'object' } },
  },
  problems: [415, 422],
  async handler(request, _reply, deps) {
    const { address } = readBody(personBody, request.body);
    const asking = { by: actorOf(request) ?? 'operator', now: clockOf(deps) };
    return erasePerson(deps.ledger, { address, channels: deps.channels?.() ?? [], office: true }, asking);
  },
};

export const subscriberRoutes: readonly Route[] = [
  ...[options, post, confirm, manage, ownExport, ownErase],
  ...[leave, leavePage, officeExport, officeErase],
];
