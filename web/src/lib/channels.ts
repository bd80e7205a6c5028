import type { Language } from '../../../src/model/language.ts';
import { eventKinds } from '../../../src/model/observed-event.ts';
import { send } from './api.ts';
import type { Level } from './contract.ts';

/** A channel as `GET /api/v1/channels` tells it. */
export interface ChannelItem {
  readonly name: string;
  readonly kind: string;
  readonly circuit: 'closed' | 'partly' | 'open';
  readonly paused: 'no' | 'below-red' | 'all';
  readonly lastSuccessAt: string | null;
  readonly lastFailure: { readonly at: string; readonly reason: string } | null;
  readonly waiting: number;
  readonly sent: number;
  readonly dead: number;
}

export interface SubscriptionItem {
  readonly id: string;
  readonly name: string;
  readonly channel: string;
  readonly level: Level;
  readonly areas: 'all' | readonly string[];
  readonly places?: readonly unknown[];
  readonly hazards?: readonly string[];
  readonly languages?: readonly Language[];
  readonly quiet?: { readonly from: string; readonly to: string; readonly timeZone: string };
  readonly group?: { readonly by: 'hazard' | 'area'; readonly waitMs: number; readonly digestMs?: number };
  readonly escalation?: { readonly afterMs: number };
  readonly origin: 'api' | 'config';
}

/** A delivery as `GET /api/v1/deliveries` tells it. */
export interface DeliveryItem {
  readonly key: string;
  readonly alert: string;
  readonly revision: number;
  readonly channel: string;
  readonly subscription: { readonly id: string; readonly name: string };
  readonly attempts: number;
  readonly at: string;
  readonly lastError?: string;
}

export interface TestResult {
  readonly outcome: 'delivered' | 'later' | 'rejected';
  readonly reason?: string;
  readonly tookMs: number;
}
export interface Replayed {
  readonly replayed: readonly string[];
  readonly skipped: readonly { readonly key: string; readonly reason: string }[];
}
export interface Preview {
  readonly told: number;
  readonly notTold: number;
  readonly items: readonly {
    readonly subscription: SubscriptionItem;
    readonly told: boolean;
    readonly notBefore?: string;
    readonly reasons: readonly { readonly cause: Cause; readonly until?: string }[];
  }[];
}
export type Cause = 'level' | 'hazard' | 'area' | 'silence' | 'inhibition' | 'quiet-hours' | 'escalation';

/** Hazards that a subscription can name, as the server's table has them. */
export const hazardKeys: readonly string[] = [
  ...new Set([...eventKinds.values()].flatMap(({ warnedBy }) => warnedBy)),
];

/** A receiver may take all of the time that a channel is given, and an answer of the server some more. */
const PATIENCE_MS = 20_000;

type Answer<T> = { readonly done: T } | { readonly refused: string; readonly isForbidden: boolean };

/** Asks the server for a change, or for something that takes a body; never rejects. */
export async function ask<T>(method: 'POST' | 'DELETE', path: string, body?: object): Promise<Answer<T>> {
  try {
    const answer = await send(method, path, body, PATIENCE_MS);
    const json: unknown = answer.status === 204 ? null : await answer.json().catch(() => null);
    if (answer.ok) return { done: json as T };
    const { detail } = (json ?? {}) as { readonly detail?: string };
    const isForbidden = answer.status === 401 || answer.status === 403;
    return { refused: detail ?? `HTTP ${answer.status}`, isForbidden };
  } catch (error) {
    return { refused: error instanceof Error ? error.message : String(error), isForbidden: false };
  }
}
