import { fileURLToPath } from 'node:url';
import { openScenario } from '../src/ingest/scenario.ts';
import { type Random, seededRandom } from '../src/lib/random.ts';
import type { Station } from '../src/model/station.ts';
import { HOUR_MS } from '../src/model/time.ts';
import { faultyZeros } from '../src/quality/rain-gauge.ts';
import { buddyCheck, distanceM, temperatureBuddies } from '../src/quality/spatial.ts';
import { checkStation, type Sample, type Verdicts } from '../src/quality/station-checks.ts';
import { bad, graver } from '../src/quality/verdict.ts';
import { median, round3 } from './figures.ts';
import { type FaultKind, faultKinds, type Injection, inject } from './quality-faults.ts';

/** What the checks made of one kind of fault. */
export interface FaultScore {
  readonly fault: FaultKind;
  readonly stretches: number;
  /** Readings that the fault changed, and how many of them were flagged. */
  readonly faulty: number;
  readonly flagged: number;
  readonly recall: number | null;
  /** Of the readings that came to be flagged by the fault (they were not before), the share in which the instrument was at fault. */
  readonly precision: number | null;
  /** Stretches in which at least one faulty reading was flagged, and the hours until the first, in the middle. */
  readonly stretchesFound: number;
  readonly hoursToFirst: number | null;
  /** By check: readings newly flagged, those of them that the fault had changed, and the same shares. */
  readonly checks: Readonly<Record<string, CheckScore>>;
}

interface CheckScore {
  readonly newlyFlagged: number;
  readonly ofThemFaulty: number;
  readonly precision: number;
  readonly recall: number;
}

export interface QualityResult {
  readonly seed: number;
  readonly stations: number;
  readonly readings: number;
  /** Readings of the storm as recorded that are flagged: its own dead and doubtful instruments, and false alarms among them. */
  readonly flaggedAsRecorded: Readonly<Record<string, number>>;
  readonly shareFlaggedAsRecorded: number;
  readonly faults: readonly FaultScore[];
}

interface Recorded {
  readonly station: Station;
  readonly samples: readonly Sample[];
}

/**
 * Quality control on the recorded storm of Rio Grande do Sul with faults injected into clean stretches. A fault of its own
 * at one station at a time, so that neighbours are as recorded.
 */
export function benchQuality(options: { readonly seed: number; readonly stretches: number }): QualityResult {
  const recorded = stormSamples();
  const random = seededRandom(options.seed);
  const network = new Network(recorded);
  const before = recorded.map((one) => network.judge(one, one.samples));
  const flaggedAsRecorded: Record<string, number> = {};
  let readings = 0;
  let flagged = 0;
  for (const verdicts of before.flat())
    for (const [quantity, { check, flag }] of verdicts) {
      readings++;
      if (!check) continue;
      flagged++;
      const name = `${check} ${quantity} ${flag}`;
      flaggedAsRecorded[name] = (flaggedAsRecorded[name] ?? 0) + 1;
    }
  const judged = (at: number): Judged => ({
    ...(recorded[at] as Recorded),
    before: before[at] as Verdicts[],
  });
  return {
    seed: options.seed,
    stations: recorded.length,
    readings,
    flaggedAsRecorded,
    shareFlaggedAsRecorded: round3(flagged / readings),
    faults: faultKinds.map((fault) => {
      const tally = new Tally(fault);
      for (let i = 0; i < options.stretches; i++) {
        const one = judged(Math.floor(random() * recorded.length));
        stretch(fault, one, network, random, tally);
      }
      return tally.score();
    }),
  };
}

interface Judged extends Recorded {
  readonly before: readonly Verdicts[];
}

function stretch(fault: FaultKind, one: Judged, network: Network, random: Random, tally: Tally): void {
  const injection = inject(fault, one.samples, random);
  if (injection) tally.add(one.before, network.judge(one, injection.samples), injection);
}

function stormSamples(): Recorded[] {
  const scenario = openScenario(fileURLToPath(new URL('../scenarios/rs-2024', import.meta.url)));
  const byStation = new Map<string, Sample[]>(scenario.stations.map(({ id }) => [id, []]));
  for (const { station, observedAt, intervalMs, quantities, values } of scenario.reports()) {
    const readings = new Map(quantities.map((name, i) => [name, (values[i] as number) / 1000]));
    byStation.get(station)?.push({ at: observedAt, intervalMs, readings });
  }
  return scenario.stations
    .map((station) => ({ station, samples: byStation.get(station.id) ?? [] }))
    .filter(({ samples }) => samples.length >= 48);
}

/** Neighbours of gauges in a network whose stations stand 30 to 100 km apart. */
const GAUGE_RADIUS_M = 100_000;

/** The stations as recorded, against which one at a time is judged. */
class Network {
  readonly #all: readonly Recorded[];
  readonly #at = new Map<string, ReadonlyMap<number, Sample>>();

  constructor(all: readonly Recorded[]) {
    this.#all = all;
    for (const { station, samples } of all)
      this.#at.set(station.id, new Map(samples.map((sample) => [sample.at, sample])));
  }

  judge({ station }: Recorded, samples: readonly Sample[]): Verdicts[] {
    const own = checkStation(station, samples).map((verdicts) => new Map(verdicts));
    const flag = (i: number, quantity: string, check: 'buddy' | 'faulty-zero'): void => {
      const verdict = own[i]?.get(quantity);
      if (verdict) own[i]?.set(quantity, graver(verdict, bad(check)));
    };
    samples.forEach((sample, i) => {
      if (this.#departs(station, sample)) flag(i, 'airTemperature', 'buddy');
    });
    this.#faultyZeros(station, samples).forEach((isFaulty, i) => {
      if (isFaulty === true) flag(i, 'rainfall', 'faulty-zero');
    });
    return own;
  }

  #values(station: Station, at: number, quantity: string) {
    return this.#all
      .filter((one) => one.station.id !== station.id)
      .map((one) => ({
        ...one.station,
        value: this.#at.get(one.station.id)?.get(at)?.readings.get(quantity),
      }));
  }

  #departs(station: Station, { at, readings }: Sample): boolean {
    const value = readings.get('airTemperature');
    if (value === undefined) return false;
    const near = this.#values(station, at, 'airTemperature').filter(
      (one) => distanceM(one, station) <= temperatureBuddies.radiusM,
    );
    return buddyCheck([{ ...station, value }, ...near], temperatureBuddies)[0] === true;
  }

  #faultyZeros(station: Station, samples: readonly Sample[]) {
    const around = samples.map(({ at }) =>
      this.#values(station, at, 'rainfall')
        .filter((one) => one.value !== undefined && distanceM(one, station) <= GAUGE_RADIUS_M)
        .map(({ value }) => value as number),
    );
    return faultyZeros(
      {
        rain: samples.map(({ readings }) => readings.get('rainfall')),
        median: around.map((values) => (values.length > 0 ? median(values) : undefined)),
        neighbours: around.map(({ length }) => length),
      },
      6,
      3,
    );
  }
}

/** Counts what a kind of fault changed and what was flagged. */
class Tally {
  readonly #fault: FaultKind;
  #stretches = 0;
  #faulty = 0;
  #flagged = 0;
  #found = 0;
  #newly = 0;
  #newlyWithin = 0;
  readonly #hours: number[] = [];
  readonly #checks = new Map<string, { newly: number; faulty: number; within: number }>();

  constructor(fault: FaultKind) {
    this.#fault = fault;
  }

  add(
    before: readonly Verdicts[],
    after: readonly Verdicts[],
    { samples, faulty, within, fromAt }: Injection,
  ): void {
    this.#stretches++;
    let firstAt: number | undefined;
    after.forEach((verdicts, i) => {
      for (const [quantity, { check }] of verdicts) {
        const isFaulty = faulty.has(`${i} ${quantity}`);
        if (isFaulty) this.#faulty++;
        if (!check) continue;
        if (isFaulty) {
          this.#flagged++;
          firstAt ??= (samples[i] as Sample).at;
        }
        if (!before[i]?.get(quantity)?.check) this.#note(check, isFaulty, within.has(`${i} ${quantity}`));
      }
    });
    if (firstAt === undefined) return;
    this.#found++;
    this.#hours.push((firstAt - fromAt) / HOUR_MS);
  }

  #note(check: string, isFaulty: boolean, isWithin: boolean): void {
    const counts = this.#checks.get(check) ?? { newly: 0, faulty: 0, within: 0 };
    this.#checks.set(check, {
      newly: counts.newly + 1,
      faulty: counts.faulty + (isFaulty ? 1 : 0),
      within: counts.within + (isWithin ? 1 : 0),
    });
    this.#newly++;
    if (isWithin) this.#newlyWithin++;
  }

  score(): FaultScore {
    const share = (part: number, whole: number): number | null => (whole > 0 ? round3(part / whole) : null);
    return {
      fault: this.#fault,
      stretches: this.#stretches,
      faulty: this.#faulty,
      flagged: this.#flagged,
      recall: share(this.#flagged, this.#faulty),
      precision: share(this.#newlyWithin, this.#newly),
      stretchesFound: this.#found,
      hoursToFirst: this.#hours.length > 0 ? median(this.#hours) : null,
      checks: Object.fromEntries(
        [...this.#checks].map(([check, { newly, faulty, within }]) => [
          check,
          {
            newlyFlagged: newly,
            ofThemFaulty: faulty,
            precision: round3(within / newly),
            recall: round3(faulty / this.#faulty),
          },
        ]),
      ),
    };
  }
}
