import { AtalaiaError } from '../../../lib/errors.ts';
import { BitReader } from './bits.ts';
import type { Heading } from './sections.ts';
import { type Element, elementOf, sequenceOf, shownId } from './tables.ts';
import { type Cell, isDoubted, rawNumbers, scaled, texts, unknownElement, type Value } from './values.ts';
import { TABLE_VERSION } from './wmo-tables.ts';

/** Sequences and replications within each other; the deepest of the WMO has nine. */
const MAX_DEPTH = 24;
const MAX_SUBSETS = 10_000;
const FACTORS = new Set([31_000, 31_001, 31_002]);
const SIGNIFICANCE = 31_021;

/** What may still be read of a file: descriptors times subsets, so that a few bytes cannot stand for endless values. */
export interface Budget {
  left: number;
}

/**
 * Reads the subsets of a message and hands each group of them over: `cells` hold `lanes` subsets.
 * @throws AtalaiaError ATL_UNREADABLE with section and byte, ATL_TOO_LARGE beyond 10,000 subsets or the budget
 */
export function* subsetsOf(
  heading: Heading,
  budget: Budget,
): Generator<{ readonly cells: readonly Cell[]; readonly lanes: number }> {
  const { subsets, isCompressed, descriptors, data } = heading;
  if (subsets > MAX_SUBSETS) throw tooLarge(`${subsets} subsets; ${MAX_SUBSETS} are read at most`);
  const reader = new BitReader(data, 4);
  const lanes = isCompressed ? subsets : 1;
  for (let read = 0; read < subsets; read += lanes) {
    const walk = new Walk(reader, lanes, isCompressed, budget);
    walk.list(descriptors, 0);
    yield { cells: walk.cells, lanes };
  }
}

const tooLarge = (what: string): AtalaiaError =>
  new AtalaiaError('ATL_TOO_LARGE', `The BUFR message has ${what}; send it in smaller parts.`);

/** One pass over the descriptors, with the state of the operators of table C. */
class Walk {
  readonly cells: Cell[] = [];
  readonly #reader: BitReader;
  readonly #lanes: number;
  readonly #isCompressed: boolean;
  readonly #budget: Budget;
  /** Operators 201, 202, 207 and 208; 0 is none. */
  #widthBy = 0;
  #scaleBy = 0;
  #both = 0;
  #textOctets = 0;
  /** Operator 203: width of new reference values while they are defined, and those that were. */
  #definesIn = 0;
  readonly #references = new Map<number, number>();
  /** Operator 204: widths of associated fields, the inmost last, and what they mean. */
  readonly #associated: number[] = [];
  #significance: readonly Value[] = [];
  /** Operator 206: width of the local element that follows. */
  #localWidth = 0;

  constructor(reader: BitReader, lanes: number, isCompressed: boolean, budget: Budget) {
    this.#reader = reader;
    this.#lanes = lanes;
    this.#isCompressed = isCompressed;
    this.#budget = budget;
  }

  list(ids: readonly number[], depth: number): void {
    if (depth > MAX_DEPTH) throw this.#reader.fail(`sequences lie deeper in each other than ${MAX_DEPTH}`);
    for (let at = 0; at < ids.length; at++) {
      const id = ids[at] as number;
      this.#spend();
      if (this.#localWidth > 0 && id >= 100_000)
        throw this.#reader.fail(`operator 206 is followed by ${shownId(id)} instead of an element`);
      if (id < 100_000) this.#element(id);
      else if (id < 200_000) at = this.#replicate(ids, at, depth);
      else if (id < 300_000) this.#operate(Math.floor(id / 1000), id % 1000);
      else {
        const sequence = sequenceOf(id);
        if (!sequence) throw unknownElement(this.#reader, id, TABLE_VERSION);
        this.list(sequence, depth + 1);
      }
    }
  }

  #spend(): void {
    this.#budget.left -= this.#lanes;
    if (this.#budget.left < 0) throw tooLarge('too many values');
  }

  /** Reads the descriptors behind a replication as often as it says; the place of the last of them. */
  #replicate(ids: readonly number[], at: number, depth: number): number {
    const [count, fixed] = [Math.floor((ids[at] as number) / 1000) % 100, (ids[at] as number) % 1000];
    const start = at + (fixed === 0 ? 2 : 1);
    if (start + count > ids.length || count === 0)
      throw this.#reader.fail(`replication ${shownId(ids[at] as number)} is not followed by what it repeats`);
    const times = fixed === 0 ? this.#factor(ids[at + 1] as number) : fixed;
    const body = ids.slice(start, start + count);
    for (let turn = 0; turn < times; turn++) this.list(body, depth + 1);
    return start + count - 1;
  }

  #factor(id: number): number {
    if (!FACTORS.has(id))
      throw this.#reader.fail(`descriptor ${shownId(id)} behind a delayed replication is not read here`);
    this.#element(id);
    const values = this.cells.pop()?.values ?? [];
    const [first] = values;
    if (typeof first !== 'number' || values.some((value) => value !== first))
      throw this.#reader.fail('the subsets are compressed, but do not repeat the same number of times');
    return first;
  }

  #element(id: number): void {
    const known = elementOf(id);
    const local = this.#localWidth;
    this.#localWidth = 0;
    if (local > 0 && known?.width !== local) {
      this.#skipLocal(local);
      return;
    }
    if (!known) throw unknownElement(this.#reader, id, TABLE_VERSION);
    if (this.#definesIn > 0) {
      this.#define(id);
      return;
    }
    const isQualifier = Math.floor(id / 1000) === 31;
    const isSuspect = isQualifier ? undefined : this.#suspect();
    const values = known.kind === 'text' ? this.#texts(known) : this.#numbers(known, isQualifier);
    if (id === SIGNIFICANCE) this.#significance = values;
    this.cells.push({ element: known, values, isSuspect });
  }

  #texts({ width }: Element): Value[] {
    return texts(this.#reader, this.#textOctets || width / 8, this.#lanes, this.#isCompressed);
  }

  #numbers({ id, kind, scale, reference, width }: Element, isQualifier: boolean): Value[] {
    const isChanged = kind === 'number' && !isQualifier;
    const [by, more] = isChanged ? [this.#both, this.#scaleBy] : [0, 0];
    // Operator 207: 10 × YYY bits for each three digits, rounded up (table C).
    const bits = width + (isChanged ? this.#widthBy + (by > 0 ? Math.floor((10 * by + 2) / 3) : 0) : 0);
    if (bits < 1)
      throw this.#reader.fail(`element ${shownId(id)} has a width of ${bits} bits by its operators`);
    const from = (isChanged ? this.#references.get(id) : undefined) ?? reference * 10 ** by;
    const raws = rawNumbers(this.#reader, bits, this.#lanes, {
      isCompressed: this.#isCompressed,
      isPlain: isQualifier,
    });
    return raws.map((raw) => scaled(raw, from, scale + by + more));
  }

  /** The associated field in front of a value, as to whether it calls it suspect. */
  #suspect(): boolean[] | undefined {
    const width = this.#associated.reduce((sum, one) => sum + one, 0);
    if (width === 0) return undefined;
    const fields = rawNumbers(this.#reader, width, this.#lanes, {
      isCompressed: this.#isCompressed,
      isPlain: true,
    });
    // Fields within each other have meanings of their own, of which the last one alone was kept.
    if (this.#associated.length > 1) return undefined;
    return fields.map((field, lane) => isDoubted(this.#significance[lane], field));
  }

  #skipLocal(width: number): void {
    this.#reader.skip(width);
    if (this.#isCompressed) this.#reader.skip(this.#reader.number(6) * this.#lanes);
  }

  /** A new reference value: a sign and the amount. */
  #define(id: number): void {
    const [raw = 0] = rawNumbers(this.#reader, this.#definesIn, this.#lanes, {
      isCompressed: this.#isCompressed,
      isPlain: true,
    });
    const sign = 2 ** (this.#definesIn - 1);
    this.#references.set(id, raw >= sign ? sign - raw : raw);
  }

  #operate(operator: number, by: number): void {
    if (operator === 201) this.#widthBy = by === 0 ? 0 : by - 128;
    else if (operator === 202) this.#scaleBy = by === 0 ? 0 : by - 128;
    else if (operator === 203) this.#redefine(by);
    else if (operator === 204) this.#associate(by);
    else if (operator === 205) texts(this.#reader, by, this.#lanes, this.#isCompressed);
    else if (operator === 206) this.#localWidth = by;
    else if (operator === 207) this.#both = by;
    else if (operator === 208) this.#textOctets = by;
    else
      throw this.#reader.fail(
        `operator ${operator}${String(by).padStart(3, '0')} is not read here; 201 to 208 are. Ask the producer for a template without it`,
      );
  }

  #redefine(by: number): void {
    if (by === 0) this.#references.clear();
    this.#definesIn = by === 255 ? 0 : by;
  }

  #associate(by: number): void {
    if (by > 0) this.#associated.push(by);
    else if (this.#associated.pop() === undefined)
      throw this.#reader.fail('operator 204000 ends an associated field that was not begun');
  }
}
