/** CAP 1.2 (OASIS CAP-v1.2-os) as far as we emit it; members stand in the order of the XSD's sequences. */
export interface CapPair {
  readonly valueName: string;
  readonly value: string;
}

export interface CapArea {
  readonly areaDesc: string;
  /** `lat,lon lat,lon …`, WGS 84, closed. */
  readonly polygon: readonly string[];
  /** `lat,lon radius`, radius in km. */
  readonly circle: readonly string[];
  readonly geocode: readonly CapPair[];
}

export interface CapInfo {
  readonly language: string;
  readonly category: readonly string[];
  readonly event: string;
  readonly responseType: readonly string[];
  readonly urgency: string;
  readonly severity: 'Extreme' | 'Severe' | 'Moderate' | 'Minor' | 'Unknown';
  readonly certainty: string;
  readonly eventCode: readonly CapPair[];
  readonly effective?: string;
  readonly onset?: string;
  readonly expires?: string;
  readonly senderName?: string;
  readonly headline?: string;
  readonly description?: string;
  readonly instruction?: string;
  readonly web?: string;
  readonly parameter: readonly CapPair[];
  readonly area: readonly CapArea[];
}

export interface CapAlert {
  readonly identifier: string;
  readonly sender: string;
  readonly sent: string;
  readonly status: 'Actual' | 'Exercise' | 'Test';
  readonly msgType: 'Alert' | 'Update' | 'Cancel';
  readonly scope: 'Public';
  /** Names of the profiles that it is written for. */
  readonly code?: readonly string[];
  readonly note?: string;
  readonly references?: string;
  readonly incidents?: string;
  readonly info: readonly CapInfo[];
}

const formats = new Map<string, Intl.DateTimeFormat | null>();

/** Formatter of a zone; null for a zone that the runtime's IANA data does not know. */
function formatOf(timeZone: string): Intl.DateTimeFormat | null {
  let format = formats.get(timeZone);
  if (format === undefined) {
    try {
      format = new Intl.DateTimeFormat('en-US', {
        timeZone,
        hourCycle: 'h23',
        year: 'numeric',
        month: '2-digit',
        day: '2-digit',
        hour: '2-digit',
        minute: '2-digit',
        second: '2-digit',
      });
    } catch {
      format = null;
    }
    // Bounded: there are about 600 zone names; more means invented ones.
    if (formats.size < 1000) formats.set(timeZone, format);
  }
  return format;
}

const two = (value: number): string => String(value).padStart(2, '0');

/**
 * CAP time `YYYY-MM-DDThh:mm:ss±hh:mm` in the place's zone; UTC is `-00:00`, never `Z` (CAP 1.2, 3.3.2).
 * A fraction is cut. An unknown zone gives UTC: a wrong registry entry must not stop a warning.
 * @param at epoch ms.
 */
export function capTime(at: number, timeZone: string): string {
  const whole = Math.floor(at / 1000) * 1000;
  const offsetMinutes = (localMs(whole, timeZone) - whole) / 60_000;
  // Offsets with seconds (local mean time before standard time) have no CAP form.
  const offset = Number.isInteger(offsetMinutes) ? offsetMinutes : 0;
  const local = new Date(whole + offset * 60_000).toISOString().slice(0, 19);
  if (offset === 0) return `${local}-00:00`;
  const size = Math.abs(offset);
  return `${local}${offset < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

function localMs(at: number, timeZone: string): number {
  const format = formatOf(timeZone);
  if (format === null) return at;
  const part = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const get = (name: Intl.DateTimeFormatPartTypes): number => part.get(name) ?? 0;
  return Date.UTC(get('year'), get('month') - 1, get('day'), get('hour'), get('minute'), get('second'));
}
