import type { Language } from '../../../src/model/language.ts';
import { levelNumber } from './alerts.ts';
import { getJson } from './api.ts';
import type { Level } from './contract.ts';

/** One `info` of another authority's warning: its words as they stand, and our level where they have one. */
export interface ForeignInfo {
  readonly language: string;
  readonly event: string;
  readonly severity: string;
  readonly urgency: string;
  readonly certainty: string;
  readonly level: Level | null;
  readonly expiresAt: string;
  readonly senderName: string;
  readonly headline: string;
  readonly web?: string;
  readonly areas: readonly string[];
}

export interface ForeignItem {
  readonly id: string;
  readonly state: 'active' | 'expired' | 'superseded' | 'withdrawn' | 'cancelled';
  readonly level: Level | null;
  readonly status: 'Actual' | 'Exercise' | 'Test';
  readonly drill: boolean;
  readonly sender: string;
  readonly source: string;
  readonly faulty: boolean;
  readonly clipped: boolean;
  readonly sentAt: string;
  readonly expiresAt: string;
  readonly info: readonly ForeignInfo[];
}

interface ForeignFeed {
  readonly name: string;
  readonly isDown: boolean;
  readonly readAt: string | null;
  /** Messages of the feed that could not be had. */
  readonly missing: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly strangers: readonly string[];
}

export interface ForeignList {
  readonly items: readonly ForeignItem[];
  readonly next: string | null;
  /** Real ones in force. */
  readonly active: number;
  readonly feeds: readonly ForeignFeed[];
}

/** The long texts of one warning, by the place of their block. */
export interface ForeignTexts {
  readonly info: readonly { readonly description: string; readonly instruction: string }[];
}

/** At most 500, the newest. Asked by the page itself, which keeps no session alive. */
export const getForeign = (all: boolean, drills: boolean): Promise<ForeignList> =>
  getJson(`/foreign-alerts?limit=500&state=${all ? 'all' : 'active'}&drills=${drills}`, false);

/** How many there are, and what of the feeds is down. */
export const getForeignCount = (): Promise<ForeignList> => getJson('/foreign-alerts?limit=1', false);

export const getForeignTexts = (id: string): Promise<ForeignTexts> => getJson(`/foreign-alerts/${id}`);

/** Which block is shown: in the language of the reader, else the first; one that still holds before one that is over. */
export function blockOf({ info }: Pick<ForeignItem, 'info'>, language: Language, now: number): number {
  const score = ({ language: of, expiresAt }: ForeignInfo): number =>
    (Date.parse(expiresAt) > now ? 2 : 0) + (of.slice(0, 2).toLowerCase() === language.slice(0, 2) ? 1 : 0);
  return info.reduce((best, one, i) => (score(one) > score(info[best] as ForeignInfo) ? i : best), 0);
}

/** The highest first, those without a level last; then the newest. */
export const byLevel = (items: readonly ForeignItem[]): readonly ForeignItem[] => {
  const rank = ({ level }: ForeignItem): number => (level === null ? 0 : levelNumber(level));
  return items.toSorted((a, b) => rank(b) - rank(a) || Date.parse(b.sentAt) - Date.parse(a.sentAt));
};

/** The language of a text for screen readers; nothing where the sender wrote none. */
export const languageTag = (text: string): string | undefined =>
  /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i.test(text) ? text : undefined;
