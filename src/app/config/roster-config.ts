import { z } from 'zod';
import { escalation, isTimeZone, missingOf, peopleTarget, targetsOf } from '../../api/subscription-rules.ts';
import type { Directory, Roster } from '../../model/roster.ts';
import { levelNames } from '../../model/rule.ts';
import { DAY_MS, HOUR_MS, parseInstant } from '../../model/time.ts';
import { firstInstantAt } from '../../model/wall-time.ts';
import { unknownWord } from '../../rules/words.ts';
import { PEOPLE, type Subscription } from '../../store/ledger/subscription.ts';
import { span } from './span.ts';

const key = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'a key such as ana-souza is expected');
const day = z.string().regex(/^\d{4}-\d\d-\d\d$/, 'a day such as 2026-01-05 is expected');
const hour = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as 08:00 is expected');
/** An instant with a zone, or a time of the roster's own. */
const moment = z
  .string()
  .refine(
    (text) => parseInstant(text) !== undefined || Number.isFinite(wallOf(text)),
    'a time such as 2026-12-24T20:00 is expected',
  );

/** Wall time of `2026-12-24T20:00`; NaN for anything else, as for 30 February. */
function wallOf(text: string): number {
  const wall = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d$/.test(text)
    ? Date.parse(`${text.replace(' ', 'T')}:00Z`)
    : Number.NaN;
  const isSame = Number.isFinite(wall) && new Date(wall).toISOString().startsWith(text.replace(' ', 'T'));
  return isSame ? wall : Number.NaN;
}

/** People with the ways to them in the order in which they are tried. */
export const peopleConfig = z
  .record(
    key,
    z.strictObject({
      name: z.string().min(1).max(100),
      contacts: z
        .array(z.strictObject({ channel: z.string(), address: z.string().max(2000).optional() }))
        .min(1)
        .max(5),
    }),
  )
  .default({});

export const groupsConfig = z.record(key, z.array(key).min(1).max(100)).default({});

/** Who is on duty when. */
export const rostersConfig = z
  .record(
    key,
    z.strictObject({
      timeZone: z.string().refine(isTimeZone, 'a zone such as America/Sao_Paulo is expected'),
      rotation: z.strictObject({
        people: z.array(key).min(1).max(100),
        starts: day,
        handover: hour.default('08:00'),
        every: span.refine(
          (ms) => ms >= HOUR_MS && ms <= 366 * DAY_MS && ms % HOUR_MS === 0,
          'whole hours or days are expected, such as 12h or 7d',
        ),
      }),
      /** Who stands in; of those that overlap the last one holds. */
      overrides: z
        .array(z.strictObject({ from: moment, to: moment, person: key }))
        .max(1000)
        .default([]),
    }),
  )
  .default({});

export const subscriptionsConfig = z
  .array(
    z
      .strictObject({
        name: z.string().min(1).max(100),
        channel: z.string().optional(),
        to: peopleTarget.optional(),
        /** Yellow unless told; orange with an escalation. */
        level: z.enum(levelNames).optional(),
        areas: z.union([z.literal('all'), z.array(z.string()).max(10_000)]).default('all'),
        address: z.string().optional(),
        escalation: escalation.optional(),
        /** For those who approve: what waits for approval is told, too. */
        drafts: z.boolean().optional(),
      })
      .refine(
        ({ channel, to, escalation: given }) =>
          [channel, to, given?.ladder].filter((one) => one !== undefined).length === 1,
        'one of channel, to and escalation.steps is expected',
      )
      .refine(
        ({ channel, address }) => address === undefined || channel !== undefined,
        'an address needs a channel',
      )
      .refine(
        ({ escalation: given, drafts }) => !given || !drafts,
        'a step is told of public alerts alone: leave drafts out, or make two subscriptions',
      )
      .transform((one) => ({ ...one, level: one.level ?? (one.escalation ? 'orange' : 'yellow') })),
  )
  .max(10_000)
  .default([]);

/** The part of the configuration that says who is told. */
interface RosterConfig {
  readonly people: z.infer<typeof peopleConfig>;
  readonly groups: z.infer<typeof groupsConfig>;
  readonly rosters: z.infer<typeof rostersConfig>;
  readonly subscriptions: z.infer<typeof subscriptionsConfig>;
  /** By their names. */
  readonly channels: Readonly<Record<string, unknown>>;
}

/** The subscriptions of the configuration as the ledger keeps them. */
export const subscriptionsOf = ({ subscriptions }: Pick<RosterConfig, 'subscriptions'>): Subscription[] =>
  subscriptions.map(({ name, channel = PEOPLE, to, level, areas, address, escalation: given, drafts }) => ({
    ...{ id: `config:${name}`, name, channel, level, areas },
    ...(to === undefined ? {} : { to }),
    ...(address === undefined ? {} : { address }),
    ...given,
    ...(drafts ? { drafts } : {}),
  }));

/** People, groups and rosters as they are configured. */
export function directoryOf({
  people,
  groups,
  rosters,
}: Pick<RosterConfig, 'people' | 'groups' | 'rosters'>): Directory {
  const entries = Object.entries(rosters).map(
    ([name, { timeZone, rotation, overrides }]): [string, Roster] => {
      const at = (text: string): number => parseInstant(text) ?? firstInstantAt(wallOf(text), timeZone);
      const { people: turn, starts, handover, every } = rotation;
      return [
        name,
        {
          ...{ timeZone, people: turn, everyMs: every },
          startsWall: wallOf(`${starts}T${handover}`),
          overrides: overrides.map(({ from, to, person }) => ({ from: at(from), to: at(to), person })),
        },
      ];
    },
  );
  return {
    people: Object.fromEntries(
      Object.entries(people).map(([name, person]) => [
        name,
        {
          name: person.name,
          contacts: person.contacts.map(({ channel, address }) => ({
            channel,
            ...(address === undefined ? {} : { address }),
          })),
        },
      ]),
    ),
    groups,
    rosters: Object.fromEntries(entries),
  };
}

/** What names something that is not there, or cannot be: sentences for the log, each with its place. */
export function* rosterProblems(config: RosterConfig): Generator<string> {
  const { people, groups, rosters, channels } = config;
  const known = Object.keys(people);
  const unknown = (place: string, names: readonly string[]): string[] =>
    names
      .filter((name) => !known.includes(name))
      .map((name) => `${place}: ${unknownWord('person', name, known)}`);
  const ways = (place: string, channel: string): string[] =>
    channels[channel] ? [] : [`${place}: ${unknownWord('channel', channel, Object.keys(channels))}`];
  if (channels[PEOPLE])
    yield `channels.${PEOPLE}: this name is kept for people and rosters. Give it another one.`;
  for (const [name, { contacts }] of Object.entries(people))
    for (const { channel } of contacts) yield* ways(`people.${name}`, channel);
  for (const [name, members] of Object.entries(groups)) yield* unknown(`groups.${name}`, members);
  for (const [name, { rotation, overrides }] of Object.entries(rosters)) {
    yield* unknown(`rosters.${name}`, [...rotation.people, ...overrides.map(({ person }) => person)]);
    if (!Number.isFinite(wallOf(`${rotation.starts}T00:00`)))
      yield `rosters.${name}: starts: ${rotation.starts} is no day of the calendar`;
  }
  const directory = directoryOf(config);
  for (const [name, { overrides }] of Object.entries(directory.rosters))
    if (overrides.some(({ from, to }) => from >= to))
      yield `rosters.${name}: an override ends before it begins`;
  for (const one of subscriptionsOf(config)) {
    const place = `subscriptions.${one.name}`;
    if (one.channel !== PEOPLE) yield* ways(place, one.channel);
    for (const to of targetsOf(one)) {
      if ('channel' in to) yield* ways(place, to.channel);
      const missing = missingOf(directory, to);
      if (missing !== undefined) yield `${place}: ${missing}`;
    }
  }
}
