import type { Random } from '../src/lib/random.ts';
import { HOUR_MS } from '../src/model/time.ts';
import type { Sample } from '../src/quality/station-checks.ts';

export const faultKinds = [
  'stuck temperature',
  'dead anemometer',
  'spike of temperature',
  'spike of pressure',
  'drift of temperature',
  'temperature in °F',
  'clock skew of 6 h',
  'zero rain',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** A station's samples with a fault in them. */
export interface Injection {
  readonly samples: readonly Sample[];
  /** What the fault changed, as `index quantity`. */
  readonly faulty: ReadonlySet<string>;
  /** These, and readings of the dead instrument that happen to be what they would have been: to flag them is no false alarm. */
  readonly within: ReadonlySet<string>;
  /** The first instant at fault. */
  readonly fromAt: number;
}

/** What becomes of a value of a stretch; `i` counts from its start. Undefined: it stays as it was. */
type Change = (quantity: string, value: number, i: number) => number | undefined;

const round1 = (value: number): number => Math.round(value * 10) / 10;

/** Puts one fault of a kind at a random place; undefined where the place does not fit it (no such readings; not cold enough; no rain to lose). */
export function inject(fault: FaultKind, samples: readonly Sample[], random: Random): Injection | undefined {
  const start = 48 + Math.floor(random() * (samples.length - 97));
  const first = samples[start];
  if (!first) return undefined;
  const changed = (hours: number, change: Change): Injection | undefined =>
    changeStretch(samples, start, hours, change);
  const only =
    (wanted: string, to: (value: number, i: number) => number): Change =>
    (quantity, value, i) =>
      quantity === wanted ? to(value, i) : undefined;
  const sign = random() < 0.5 ? -1 : 1;
  switch (fault) {
    case 'stuck temperature': {
      const stuck = first.readings.get('airTemperature');
      return stuck === undefined
        ? undefined
        : changed(
            36,
            only('airTemperature', () => stuck),
          );
    }
    case 'dead anemometer':
      return changed(48, (quantity) => (/^wind(Speed|Gust)$/.test(quantity) ? 0 : undefined));
    case 'spike of temperature': {
      const by = sign * (12 + random() * 12);
      return changed(
        1,
        only('airTemperature', (value) => round1(value + by)),
      );
    }
    case 'spike of pressure': {
      const by = sign * (12 + random() * 40);
      return changed(
        1,
        only('stationPressure', (value) => round1(value + by)),
      );
    }
    case 'drift of temperature':
      return changed(
        48,
        only('airTemperature', (value, i) => round1(value + sign * i * 0.25)),
      );
    case 'temperature in °F':
      // Above 15.5 °C the number passes 60, which ingest refuses: only what gets through is injected.
      return changed(24, (quantity, value) =>
        quantity === 'airTemperature' && value <= 15.5 ? round1(value * 1.8 + 32) : undefined,
      );
    case 'clock skew of 6 h':
      return skewed(samples, start, 48);
    case 'zero rain':
      return changed(
        24,
        only('rainfall', () => 0),
      );
  }
}

function changeStretch(
  samples: readonly Sample[],
  start: number,
  hours: number,
  change: Change,
): Injection | undefined {
  const from = samples[start] as Sample;
  const faulty = new Set<string>();
  const within = new Set<string>();
  const out = samples.map((sample, index) => {
    if (sample.at < from.at || sample.at >= from.at + hours * HOUR_MS) return sample;
    const readings = new Map(sample.readings);
    for (const [quantity, value] of sample.readings) {
      const to = change(quantity, value, Math.round((sample.at - from.at) / HOUR_MS));
      if (to === undefined) continue;
      within.add(`${index} ${quantity}`);
      // A fault that says what was true is none.
      if (to === value) continue;
      readings.set(quantity, to);
      faulty.add(`${index} ${quantity}`);
    }
    return { ...sample, readings };
  });
  return faulty.size > 0 ? { samples: out, faulty, within, fromAt: from.at } : undefined;
}

/** Readings of six hours later under the time of now: the station's clock is behind. */
function skewed(samples: readonly Sample[], start: number, hours: number): Injection | undefined {
  const byInstant = new Map(samples.map((sample) => [sample.at, sample]));
  const from = samples[start] as Sample;
  const faulty = new Set<string>();
  const within = new Set<string>();
  const out = samples.map((sample, index) => {
    if (sample.at < from.at || sample.at >= from.at + hours * HOUR_MS) return sample;
    const other = byInstant.get(sample.at + 6 * HOUR_MS);
    if (!other) return sample;
    for (const [quantity, value] of other.readings) {
      within.add(`${index} ${quantity}`);
      if (sample.readings.get(quantity) !== value) faulty.add(`${index} ${quantity}`);
    }
    return { ...sample, readings: other.readings };
  });
  return faulty.size > 0 ? { samples: out, faulty, within, fromAt: from.at } : undefined;
}
