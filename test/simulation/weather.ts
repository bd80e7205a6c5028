import { partitionOf } from '../../src/app/partition.ts';
import type { Rule } from '../../src/model/rule.ts';
import type { Station } from '../../src/model/station.ts';
import { MINUTE_MS } from '../../src/model/time.ts';
import { rule } from '../../src/stream/fixture.ts';
import type { Scheduler } from './scheduler.ts';

/** How long a run is and how closely it looks. */
export interface Cadence {
  readonly name: 'hour' | 'day';
  readonly durationMs: number;
  /** Span between two reports of a station; rules count in it. */
  readonly intervalMs: number;
  /** Span between two ticks; 1 s is the system's own ticker. */
  readonly tickMs: number;
}
export const cadences: Readonly<Record<Cadence['name'], Cadence>> = {
  hour: { name: 'hour', durationMs: 60 * MINUTE_MS, intervalMs: MINUTE_MS, tickMs: 1000 },
  day: { name: 'day', durationMs: 1440 * MINUTE_MS, intervalMs: 20 * MINUTE_MS, tickMs: MINUTE_MS },
};

const FOR_EVER_MS = 400 * 3_600_000;

/** Rules over windows of a few intervals; those of {@link slidingRules} follow from the readings alone. */
export function rulesOf({ intervalMs }: Cadence): readonly Rule[] {
  const minutes = (intervals: number): string => `${(intervals * intervalMs) / MINUTE_MS}m`;
  const sum = (intervals: number): string => `sum(rainfall, ${minutes(intervals)})`;
  return [
    rule(
      {
        yellow: `${sum(5)} >= 20 mm`,
        orange: `${sum(5)} >= 30 mm or ${sum(15)} > 60 mm`,
        red: `${sum(5)} >= 60 mm for ${minutes(2)}`,
      },
      `${sum(5)} < 10 mm for ${minutes(3)}`,
      { name: 'chuva', expiresMs: FOR_EVER_MS },
    ),
    rule(
      { yellow: `max(windGust, ${minutes(3)}) > 15 m/s`, red: `max(windGust, ${minutes(3)}) > 25 m/s` },
      null,
      {
        name: 'vento',
        hazard: 'wind',
        expiresMs: FOR_EVER_MS,
      },
    ),
    rule({ yellow: `${sum(3)} >= 15 mm` }, `${sum(3)} < 5 mm for ${minutes(2)}`, {
      name: 'curta',
      expiresMs: 6 * intervalMs,
    }),
    rule({ yellow: `silent(${minutes(4)})` }, null, { name: 'silencio', expiresMs: 20 * intervalMs }),
  ];
}

/** Names of rules whose level over time is a function of the readings: no expiry in reach, no silence. */
export const slidingRules = ['chuva', 'vento'];

const STATIONS = 8;

/** Stations of regions in all partitions; `hasIdle` leaves the last partition without any. */
export function stationsOf(
  { intervalMs }: Cadence,
  partitions: number,
  hasIdle: boolean,
): readonly Station[] {
  const regions = Array.from({ length: 100 }, (_, i) => `43${i}`).filter(
    (region) => !hasIdle || partitionOf(region, partitions) !== partitions - 1,
  );
  return Array.from({ length: STATIONS }, (_, i) => ({
    id: `S${i}`,
    name: `S${i}`,
    latitude: -30 + i / 10,
    longitude: -51,
    altitude: 10,
    region: regions[i] as string,
    timeZone: 'America/Sao_Paulo',
    intervalMs,
  }));
}

/** One reading of the sky by one station, as it sends it: JSON of the contract. */
export interface SentReport {
  readonly station: string;
  readonly observedAt: number;
  readonly rainfall: number;
  readonly windGust: number;
}

/** Rain and gusts of a place: dry for long, then showers that build up and fade. Values in mm and m/s, one decimal. */
export class Sky {
  readonly #scheduler: Scheduler;
  #strength = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  next(): { readonly rainfall: number; readonly windGust: number } {
    const { random } = this.#scheduler;
    if (this.#scheduler.chance(0.08)) this.#strength = random() * 16;
    else this.#strength *= 0.75 + random() * 0.3;
    if (this.#strength < 0.3) this.#strength = 0;
    const tenth = (value: number): number => Math.round(value * 10) / 10;
    return {
      rainfall: Math.min(8, tenth(this.#strength * random() * 1.6)),
      windGust: tenth(this.#strength * 1.6 + random() * 6),
    };
  }
}
