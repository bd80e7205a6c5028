import { checkNames, type Observation } from '../../model/observation.ts';
import type { Report } from '../../model/report.ts';
import type { ArchiveBatch, PackedRows } from './archive.ts';

export const flags = ['good', 'suspect', 'bad'] as const satisfies readonly Observation['flag'][];
export const arrivals = [
  'on-time',
  'late',
  'correction',
] as const satisfies readonly Observation['arrival'][];

/** No check flagged it: the empty text. */
export const checks = ['', ...checkNames] as const;

/** Numbers of one observation in {@link PackedRows.numbers}. */
export const STRIDE = 9;

const FIRST_ROWS = 256;
const GOOD = flags.indexOf('good');

/** Packs observations as they come; the memory grows by doubling. */
export class RowPacker {
  readonly #names: string[] = [];
  readonly #indexes = new Map<string, number>();
  #numbers: Float64Array<ArrayBuffer>;
  #at = 0;

  /** `rows`: how many are expected. */
  constructor(rows = FIRST_ROWS) {
    this.#numbers = new Float64Array(rows * STRIDE);
  }

  add(o: Observation): void {
    if (this.#at === this.#numbers.length) this.#grow();
    const numbers = this.#numbers;
    let at = this.#at;
    numbers[at++] = this.#indexOf(o.station);
    numbers[at++] = this.#indexOf(o.quantity);
    numbers[at++] = o.observedAt;
    numbers[at++] = o.intervalMs;
    numbers[at++] = o.receivedAt;
    numbers[at++] = o.value;
    numbers[at++] = flags.indexOf(o.flag);
    numbers[at++] = arrivals.indexOf(o.arrival);
    numbers[at++] = checks.indexOf(o.check ?? '');
    this.#at = at;
  }

  /** The readings of a report that arrived alike, without an object for each. */
  addReport(report: Report, arrival: Observation['arrival']): void {
    const { quantities, values } = report;
    const station = this.#indexOf(report.station);
    const how = arrivals.indexOf(arrival);
    for (let i = 0; i < quantities.length; i++) {
      if (this.#at === this.#numbers.length) this.#grow();
      const numbers = this.#numbers;
      let at = this.#at;
      numbers[at++] = station;
      numbers[at++] = this.#indexOf(quantities[i] as string);
      numbers[at++] = report.observedAt;
      numbers[at++] = report.intervalMs;
      numbers[at++] = report.receivedAt;
      numbers[at++] = values[i] as number;
      numbers[at++] = GOOD;
      numbers[at++] = how;
      numbers[at++] = 0;
      this.#at = at;
    }
  }

  #indexOf(name: string): number {
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    this.#indexes.set(name, this.#names.length);
    return this.#names.push(name) - 1;
  }

  #grow(): void {
    const numbers = new Float64Array(Math.max(FIRST_ROWS * STRIDE, this.#numbers.length * 2));
    numbers.set(this.#numbers);
    this.#numbers = numbers;
  }

  /** What was added; the packer is used up. */
  rows(): PackedRows {
    const isFull = this.#at === this.#numbers.length;
    return { names: this.#names, numbers: isFull ? this.#numbers : this.#numbers.slice(0, this.#at) };
  }
}

/** Packs all observations at once. */
export function packRows(observations: readonly Observation[]): PackedRows {
  const packer = new RowPacker(observations.length);
  for (const observation of observations) packer.add(observation);
  return packer.rows();
}

/** The observations again, for an engine that takes them one by one. */
function unpackRows({ names, numbers }: PackedRows): Observation[] {
  const observations: Observation[] = [];
  for (let at = 0; at < numbers.length; at += STRIDE) {
    const cell = (field: number): number => numbers[at + field] as number;
    const check = checks[cell(8)];
    observations.push({
      station: names[cell(0)] as string,
      quantity: names[cell(1)] as string,
      observedAt: cell(2),
      intervalMs: cell(3),
      receivedAt: cell(4),
      value: cell(5),
      flag: flags[cell(6)] as Observation['flag'],
      arrival: arrivals[cell(7)] as Observation['arrival'],
      ...(check ? { check } : {}),
    });
  }
  return observations;
}

/** A batch with everything one by one. */
export const unpacked = (batch: ArchiveBatch): ArchiveBatch =>
  batch.packed?.length
    ? { ...batch, observations: [...batch.observations, ...batch.packed.flatMap(unpackRows)], packed: [] }
    : batch;

export const rowsIn = ({ numbers }: PackedRows): number => numbers.length / STRIDE;
