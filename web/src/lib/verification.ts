import type { Text } from '../../../src/model/language.ts';
import { eventKinds } from '../../../src/model/observed-event.ts';
import type { Dictionary } from '../i18n/dictionary.ts';
import { getJson, send, sendCsv } from './api.ts';
import type { Level } from './contract.ts';

export type By = 'rule' | 'area' | 'level';

export interface VerifiedRow {
  readonly rule?: string;
  readonly level?: Level;
  readonly area?: string | null;
  readonly n: number;
  readonly hits: number;
  readonly misses: number;
  readonly falseAlarms: number;
  readonly unjudged: number;
  readonly pod: number | null;
  readonly podInterval: readonly [number, number] | null;
  readonly far: number | null;
  readonly farInterval: readonly [number, number] | null;
  readonly csi: number | null;
  readonly bias: number | null;
  readonly lead: { readonly median: number | null };
  readonly rolling: readonly RollingItem[];
}
export interface RollingItem {
  readonly to: string;
  readonly n: number;
  readonly pod: number | null;
  readonly far: number | null;
  readonly csi: number | null;
}
interface MissedItem {
  readonly id: string;
  readonly hazard: string;
  readonly area?: string;
  readonly latitude?: number;
  readonly longitude?: number;
  readonly from: string;
  readonly note: string;
  readonly source: string;
  readonly seen: readonly {
    readonly station: string;
    readonly name: string;
    readonly km: number;
    readonly values: readonly {
      readonly quantity: string;
      readonly unit: string;
      readonly worstHour: number | null;
      readonly total?: number | null;
    }[];
  }[];
}
export interface Verification {
  readonly from: string;
  readonly to: string;
  readonly alerts: number;
  readonly events: number;
  readonly rows: readonly VerifiedRow[];
  readonly missed: readonly MissedItem[];
  readonly missedCount: number;
}

const dayMs = 86_400_000;

/** The scores of the days before `now`. */
export function getVerification(by: By, days: number, now: number): Promise<Verification> {
  const instant = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
  const query = new URLSearchParams({ by, from: instant(now - days * dayMs), to: instant(now) });
  return getJson<Verification>(`/verification?${query}`);
}

/** Says whether an alert was real; true when the server has kept it. */
export async function sendFeedback(
  alert: string,
  wasReal: 'yes' | 'no' | 'partly',
  note: string,
): Promise<boolean> {
  const path = `/alerts/${encodeURIComponent(alert)}/feedback`;
  return (await send('POST', path, { wasReal, note }).catch(() => null))?.status === 201;
}

type Entered = { readonly isNew: boolean } | { readonly refused: string; readonly isForbidden: boolean };

/** Enters an event that happened; never rejects. The same event is kept once, so it may be sent again. */
export async function enterEvent(body: object): Promise<Entered> {
  try {
    const answer = await send('POST', '/events-observed', body);
    if (answer.ok) return { isNew: answer.status === 201 };
    const { detail } = (await answer.json().catch(() => ({}))) as { readonly detail?: string };
    const isForbidden = answer.status === 401 || answer.status === 403;
    return { refused: detail ?? `HTTP ${answer.status}`, isForbidden };
  } catch (error) {
    return { refused: error instanceof Error ? error.message : String(error), isForbidden: false };
  }
}

export const hazardTitle = (hazard: string): Text =>
  eventKinds.get(hazard)?.title ?? { 'pt-BR': hazard, en: hazard };

/** Enters the events of a CSV file; with one bad row the server takes nothing of it, and names the lines. */
export async function importEvents(
  file: Blob,
  words: Dictionary,
): Promise<{ readonly done?: string; readonly problem?: string }> {
  const answer = await sendCsv('/events-observed/import', file).catch(() => null);
  if (!answer?.ok) return { problem: await problemOf(answer, words) };
  const { events, added, unknownAreas } = (await answer.json()) as {
    events: number;
    added: number;
    unknownAreas: readonly string[];
  };
  const done = words.eventImported(added, events);
  return {
    done,
    ...(unknownAreas.length > 0 && { problem: words.eventUnknownAreas(unknownAreas.join(', ')) }),
  };
}

async function problemOf(answer: Response | null, words: Dictionary): Promise<string> {
  if (answer?.status === 401 || answer?.status === 403) return words.actForbidden;
  const problem = (await answer?.json().catch(() => ({}))) as { detail?: string } | undefined;
  return words.actRefused(problem?.detail ?? `HTTP ${answer?.status ?? '–'}`);
}
