import { createAudience } from '../src/delivery/audience.ts';
import { boxOf, meet, touches } from '../src/delivery/geometry.ts';
import { invariant } from '../src/lib/errors.ts';
import { seededRandom } from '../src/lib/random.ts';
import type { Shape } from '../src/model/shape.ts';
import { sampleRevision } from '../src/store/ledger/sample.ts';
import type { Subscription } from '../src/store/ledger/subscription.ts';
import { quantile, round3 } from './figures.ts';

interface SubscriptionsOptions {
  readonly subscriptions: number;
  readonly alerts: number;
  readonly seed: number;
}

/** Matching alerts against subscriptions with places of their own, beside asking every one of them (its box first). */
interface SubscriptionsResult {
  readonly subscriptions: number;
  readonly alerts: number;
  /** Milliseconds for one alert: by the index, and by asking all. */
  readonly indexMs: { readonly p50: number; readonly p99: number };
  readonly scanMs: { readonly p50: number; readonly p99: number };
  /** Mean of the scan over mean of the index. */
  readonly ratioToScan: number;
  /** Building the index, in scans of one alert. */
  readonly buildInScans: number;
  readonly meanMatches: number;
}

/** People live near each other: around this many centres in Brazil. */
const CENTRES = 200;

/** Runs both over the same alerts; every answer of the index is compared with the scan's. */
export function benchSubscriptions({
  subscriptions,
  alerts,
  seed,
}: SubscriptionsOptions): SubscriptionsResult {
  const random = seededRandom(seed);
  const between = (least: number, most: number): number => least + random() * (most - least);
  const centres = Array.from({ length: CENTRES }, () => [between(-33, 3), between(-70, -36)] as const);
  const point = (): readonly [number, number] => {
    const [latitude, longitude] = centres[Math.floor(random() * CENTRES)] as readonly [number, number];
    return [latitude + between(-0.5, 0.5), longitude + between(-0.5, 0.5)];
  };
  const ring = (corners: number, degrees: number): Shape => {
    const [latitude, longitude] = point();
    const corner = (i: number): readonly [number, number] => {
      const angle = (2 * Math.PI * i) / corners;
      const radius = degrees * between(0.6, 1);
      return [latitude + radius * Math.sin(angle), longitude + radius * Math.cos(angle)];
    };
    return { polygon: Array.from({ length: corners }, (_, i) => corner(i)) };
  };
  const place = (): Shape => {
    if (random() < 0.3) return ring(12, 0.2);
    const [latitude, longitude] = point();
    return { latitude, longitude, km: between(1, 25) };
  };
  const all = Array.from({ length: subscriptions }, (_, i): Subscription => {
    const id = String(i).padStart(7, '0');
    return { id, name: id, channel: 'ops', level: 'yellow', areas: [], places: [place()] };
  });
  const areas = Array.from({ length: alerts }, () => ring(24, 0.4));
  return measure(all, areas);
}

function measure(all: readonly Subscription[], areas: readonly Shape[]): SubscriptionsResult {
  const stored = { seq: 1, position: '0:0:0', revision: sampleRevision(), state: 'active' } as const;
  const began = performance.now();
  const audience = createAudience(all);
  const buildMs = performance.now() - began;
  const byIndex: number[] = [];
  const byScan: number[] = [];
  let matches = 0;
  for (const area of areas) {
    const from = performance.now();
    const found = audience(stored, { codes: [], shapes: [area] }, new Set());
    const middle = performance.now();
    const box = boxOf(area);
    const asked = all.filter(({ places }) =>
      places?.some((place) => meet(boxOf(place), box) && touches(place, area)),
    );
    byScan.push(performance.now() - middle);
    byIndex.push(middle - from);
    matches += found.length;
    invariant(
      found.length === asked.length && found.every((one, i) => one === asked[i]),
      'the index and the scan found different subscriptions',
    );
  }
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const figures = (values: readonly number[]) => {
    const sorted = values.toSorted((a, b) => a - b);
    return { p50: round3(quantile(sorted, 0.5)), p99: round3(quantile(sorted, 0.99)) };
  };
  return {
    subscriptions: all.length,
    alerts: areas.length,
    indexMs: figures(byIndex),
    scanMs: figures(byScan),
    ratioToScan: round3(mean(byScan) / mean(byIndex)),
    buildInScans: round3(buildMs / mean(byScan)),
    meanMatches: round3(matches / areas.length),
  };
}
