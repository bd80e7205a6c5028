import { z } from 'zod';
import { languages } from '../model/language.ts';
import type { Directory, Target } from '../model/roster.ts';
import { hazards } from '../rules/hazard.ts';
import { unknownWord } from '../rules/words.ts';
import type { Subscription } from '../store/ledger/subscription.ts';
import { name, span } from './input.ts';

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as 22:00 is expected');
const latitude = z.number().min(-90).max(90);
const longitude = z.number().min(-180).max(180);

export const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
};
const least = (ms: number, most: number) =>
  span.refine((value) => value >= ms && value <= most, `is not from ${ms / 1000} s to ${most / 1000} s`);

/** People by what they are on: found at the time of telling. */
export const peopleTarget = z.union([
  z.strictObject({ roster: name }),
  z.strictObject({ group: name }),
  z.strictObject({ person: name }),
]);
const target = z.union([
  peopleTarget,
  z
    .strictObject({ channel: name, address: z.string().min(1).max(2000).optional() })
    .transform(({ channel, address }) => ({ channel, ...(address === undefined ? {} : { address }) })),
]);

const MAX_RUNGS = 50;

/** Told when nobody has acknowledged for so long; or step after step, and after all rounds a last resort. */
export const escalation = z
  .union([
    z.strictObject({ after: least(60_000, 86_400_000) }),
    z
      .strictObject({
        /** `after`: how long a step is given before the next one is told. */
        steps: z
          .array(z.strictObject({ to: target, after: least(5000, 86_400_000) }))
          .min(1)
          .max(10),
        rounds: z.int().min(1).max(10).default(1),
        last: target,
      })
      .refine(
        ({ steps, rounds }) => steps.length * rounds <= MAX_RUNGS,
        `has more than ${MAX_RUNGS} steps in all rounds`,
      ),
  ])
  .transform((given): Pick<Subscription, 'escalation' | 'ladder'> => {
    if ('after' in given) return { escalation: { afterMs: given.after } };
    const steps = given.steps.map(({ to, after }) => ({ to, afterMs: after }));
    return { ladder: { steps, rounds: given.rounds, last: given.last } };
  });

/** All targets that a subscription names. */
export const targetsOf = ({ to, ladder }: Pick<Subscription, 'to' | 'ladder'>): readonly Target[] => [
  ...(to ? [to] : []),
  ...(ladder ? [...ladder.steps.map((step) => step.to), ladder.last] : []),
];

/** Why a target is not there; undefined: it is. */
export function missingOf({ people, groups, rosters }: Directory, to: Target): string | undefined {
  if ('channel' in to) return undefined;
  const [kind, name] = Object.entries(to)[0] as ['roster' | 'group' | 'person', string];
  const known = Object.keys({ roster: rosters, group: groups, person: people }[kind]);
  return known.includes(name) ? undefined : unknownWord(kind, name, known);
}

/** What a subscription may say beside level and areas, so that a person can live with it. */
export const subscriptionRules = {
  hazards: z
    .array(z.enum([...hazards.keys()]))
    .min(1)
    .optional(),
  languages: z.array(z.enum(languages)).min(1).max(languages.length).optional(),
  /** All but red waits until these hours of the zone are over. */
  quiet: z
    .strictObject({
      from: clock,
      to: clock,
      timeZone: z.string().refine(isTimeZone, 'a zone such as America/Sao_Paulo is expected'),
    })
    .optional(),
  /** Alerts of one hazard that come within `wait` become one message; yellow ones every `digest`; reds at once. */
  group: z
    .strictObject({
      by: z.enum(['hazard', 'area']).default('hazard'),
      wait: least(0, 600_000),
      digest: least(0, 86_400_000).optional(),
    })
    .transform(({ by, wait, digest }) => ({
      by,
      waitMs: wait,
      ...(digest === undefined ? {} : { digestMs: digest }),
    }))
    .optional(),
  escalation: escalation.optional(),
  /** Messages a minute at most; reds have as many of their own. */
  perMinute: z.number().int().min(1).max(10_000).optional(),
  /** For those who approve: what waits for approval is told, too. */
  drafts: z.boolean().optional(),
  /** Told, too, is an alert whose area touches one of these. */
  places: z
    .array(
      z.union([
        z.strictObject({ latitude, longitude, km: z.number().min(0.1).max(500) }),
        z.strictObject({
          polygon: z
            .array(z.tuple([latitude, longitude]))
            .min(3)
            .max(500),
        }),
      ]),
    )
    .max(100)
    .optional(),
};
