import { DAY_MS, parseInstant } from '../../model/time.ts';
import { readCircle, readRing } from '../cap/read/geometry.ts';
import type { ReadAlert, ReadArea, ReadInfo } from '../cap/read/message.ts';
import { oneLine } from '../cap/read/verdict.ts';

/** An area of another authority's message; rings and circles that are none are left out. */
export interface ForeignArea {
  readonly areaDesc: string;
  readonly polygon: readonly string[];
  readonly circle: readonly string[];
  readonly geocode: readonly { readonly valueName: string; readonly value: string }[];
}

/** One `info` block: the sender's words as they stand, instants in epoch ms. */
export interface ForeignInfo {
  readonly language: string;
  readonly event: string;
  readonly category: readonly string[];
  readonly responseType: readonly string[];
  readonly urgency: string;
  readonly severity: string;
  readonly certainty: string;
  readonly onsetAt?: number;
  readonly expiresAt: number;
  readonly senderName: string;
  readonly headline: string;
  readonly description: string;
  readonly instruction: string;
  readonly web?: string;
  readonly area: readonly ForeignArea[];
}

/** A warning of another authority. */
export interface ForeignAlert {
  /** Status, sender and identifier: what a reference names (CAP 1.2, 3.2.1). */
  readonly key: string;
  readonly status: string;
  readonly sender: string;
  readonly identifier: string;
  readonly sentAt: number;
  /** When its last `info` expires, epoch ms. */
  readonly expiresAt: number;
  readonly info: readonly ForeignInfo[];
  /** The configured feed that it came by. */
  readonly source: string;
  /** It breaks the standard; shown all the same, as a faulty warning may still save somebody. */
  readonly faulty: boolean;
  /** Texts or shapes beyond our limits were cut. */
  readonly clipped: boolean;
}

/** What ends an alert, from the weakest to the strongest where two were sent in the same second. */
export const endKinds = ['expired', 'superseded', 'withdrawn', 'cancelled'] as const;

/** Says that alerts under `key` sent at or before `sentAt` are over. */
export interface ForeignEnd {
  readonly key: string;
  readonly kind: (typeof endKinds)[number];
  readonly sentAt: number;
  /** Identifier of the message that said so. */
  readonly by: string;
}

/** All that one message says. */
export interface ForeignFacts {
  readonly alert?: ForeignAlert;
  readonly ends: readonly ForeignEnd[];
}

/** Why a message is not taken in: not named, not public, not to act on, from the future, or too old. */
export type Refusal = 'unnamed' | 'scope' | 'status' | 'type' | 'future' | 'old';

/** Ends are remembered for so long, so an alert sent before can no longer be judged and is refused. */
export const RETENTION_MS = 90 * DAY_MS;
/** Room for clocks and zones that are wrong (14 h at most); a later reading of the feed brings the message again. */
const FUTURE_MS = DAY_MS;
/** Life of a message without `expires`, from its sending or onset: the standard leaves it to the recipient. */
const DEFAULT_LIFE_MS = DAY_MS;
const MAX_NAME = 500;
const MAX_LINE = 1000;
const MAX_TEXT = 20_000;
/** Characters of one message that are kept; the largest real polygon has about 800,000. */
const MAX_CHARACTERS = 2_000_000;
const MAX_REFERENCES = 1000;
const STATUSES: ReadonlySet<string> = new Set(['Actual', 'Exercise', 'Test']);

const endedBy: ReadonlyMap<string, ForeignEnd['kind']> = new Map([
  ['Update', 'superseded'],
  ['Cancel', 'cancelled'],
  ['Error', 'withdrawn'],
]);

/**
 * The facts that a message of another authority states (CAP 1.2, 3.2.1 msgType and references), or why it is not taken.
 * A sender ends only its own alerts, and only those of the same status: a test cancels nothing real.
 * @param now epoch ms.
 */
export function foreignFacts(
  message: ReadAlert,
  { source, now, faulty }: { readonly source: string; readonly now: number; readonly faulty: boolean },
): ForeignFacts | { readonly refused: Refusal } {
  const [sender, identifier] = [oneLine(message.sender), oneLine(message.identifier)];
  const status = message.status.trim();
  const type = message.msgType.trim();
  const sentAt = instantOf(message.sent, 'Z');
  if (sender === '' || identifier === '' || sentAt === undefined) return { refused: 'unnamed' };
  if (sender.length > MAX_NAME || identifier.length > MAX_NAME) return { refused: 'unnamed' };
  if (!STATUSES.has(status)) return { refused: 'status' };
  if (message.scope.trim() !== 'Public') return { refused: 'scope' };
  const kind = endedBy.get(type);
  if (type !== 'Alert' && kind === undefined) return { refused: 'type' };
  if (sentAt > now + FUTURE_MS) return { refused: 'future' };
  if (sentAt < now - RETENTION_MS) return { refused: 'old' };

  const names = { status, sender, identifier, sentAt };
  const key = keyOf(status, sender, identifier);
  const { targets, complete } = ownReferences(message.references ?? '', names);
  const over = (target: string): ForeignEnd => ({
    key: target,
    kind: kind ?? 'superseded',
    sentAt,
    by: identifier,
  });
  if (type === 'Cancel' || type === 'Error') {
    // Some senders cancel under the identifier of the alert itself.
    return { ends: [...new Set([...targets, key])].map(over) };
  }
  const budget = new Budget();
  const info = message.info.map((one) => readInfo(one, sentAt, budget));
  const alert: ForeignAlert = {
    key,
    ...names,
    expiresAt: Math.max(sentAt, ...info.map(({ expiresAt }) => expiresAt)),
    info,
    source,
    faulty,
    clipped: budget.clipped || !complete,
  };
  // An update that says nothing takes nothing away. The one under its own name is replaced by being later.
  const ends = kind === undefined || info.length === 0 ? [] : targets.filter((one) => one !== key).map(over);
  return { alert, ends };
}

export const keyOf = (status: string, sender: string, identifier: string): string =>
  JSON.stringify([status, sender, identifier]);

/**
 * Keys of the sender's own messages that `text` names: triples `sender,identifier,sent`. Tolerant: real messages have
 * commas between triples and triples that are cut, so what has no time in the third place is passed over.
 */
function ownReferences(
  text: string,
  { status, sender }: { readonly status: string; readonly sender: string },
): { readonly targets: readonly string[]; readonly complete: boolean } {
  const parts = text.split(/[\s,]+/, 3 * MAX_REFERENCES + 1).filter((part) => part !== '');
  const targets = new Set<string>();
  for (let i = 0; i + 2 < parts.length; ) {
    if (!/^\d{4}-\d\d-\d\dT/.test(parts[i + 2] as string)) {
      i++;
      continue;
    }
    const identifier = parts[i + 1] as string;
    if (parts[i] === sender && identifier.length <= MAX_NAME) targets.add(keyOf(status, sender, identifier));
    i += 3;
  }
  return { targets: [...targets], complete: parts.length <= 3 * MAX_REFERENCES };
}

/** An instant of CAP; a time without zone (CAP 1.0, and by fault) is read in `zone`. */
function instantOf(text: string | undefined, zone: string): number | undefined {
  const plain = (text ?? '').trim();
  return parseInstant(plain) ?? parseInstant(`${plain}${zone}`);
}

function readInfo(info: ReadInfo, sentAt: number, budget: Budget): ForeignInfo {
  const onsetAt = instantOf(info.onset, 'Z') ?? instantOf(info.effective, 'Z');
  // A time without zone counts in the last zone of the earth: a warning rather stays too long than goes too soon.
  const expiresAt =
    instantOf(info.expires, '-12:00') ?? Math.max(sentAt, onsetAt ?? sentAt) + DEFAULT_LIFE_MS;
  const line = (text: string | undefined): string => budget.take(oneLine(text ?? ''), MAX_LINE);
  const web = oneLine(info.web ?? '');
  return {
    language: line(info.language),
    event: line(info.event),
    category: info.category.map(line),
    responseType: info.responseType.map(line),
    urgency: line(info.urgency),
    severity: line(info.severity),
    certainty: line(info.certainty),
    ...(onsetAt === undefined ? {} : { onsetAt }),
    expiresAt,
    senderName: line(info.senderName),
    headline: line(info.headline),
    description: budget.take((info.description ?? '').trim(), MAX_TEXT),
    instruction: budget.take((info.instruction ?? '').trim(), MAX_TEXT),
    // What people can press must not be a script.
    ...(/^https?:\/\/\S+$/i.test(web) && web.length <= MAX_LINE ? { web: budget.take(web, MAX_LINE) } : {}),
    area: info.area.map((area) => readArea(area, budget)),
  };
}

function readArea(area: ReadArea, budget: Budget): ForeignArea {
  return {
    areaDesc: budget.take(oneLine(area.areaDesc), MAX_LINE),
    polygon: area.polygon.filter((ring) => typeof readRing(ring) !== 'string' && budget.has(ring)),
    circle: area.circle.filter((circle) => typeof readCircle(circle) !== 'string' && budget.has(circle)),
    geocode: area.geocode
      .filter(({ valueName, value }) => budget.has(valueName + value))
      .map(({ valueName, value }) => ({ valueName: oneLine(valueName), value: oneLine(value) })),
  };
}

/** Counts what is kept of one message, and knows whether something was cut. */
class Budget {
  clipped = false;
  private left = MAX_CHARACTERS;

  /** The text, at most `max` characters and what is left; never half of a surrogate pair. */
  take(text: string, max: number): string {
    const room = Math.min(max, this.left);
    const kept = text.length <= room ? text : text.slice(0, room).replace(/[\ud800-\udbff]$/, '');
    if (kept.length < text.length) this.clipped = true;
    this.left -= kept.length;
    return kept;
  }

  /** Whether there is room for the whole of what cannot be cut. */
  has(text: string): boolean {
    if (text.length > this.left) {
      this.clipped = true;
      return false;
    }
    this.left -= text.length;
    return true;
  }
}
