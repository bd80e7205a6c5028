import { elementOf, sequenceOf } from '../../src/ingest/formats/bufr/tables.ts';

/** What stands for a value: a raw number, a text, or null for one that is missing. */
export type Given = number | string | null;

export interface Written {
  readonly edition?: 3 | 4;
  readonly isCompressed?: boolean;
  readonly category?: number;
  /** FXXYYY as numbers. */
  readonly descriptors: readonly number[];
  /** Values by element in the order in which they come, for each subset; elements without one are missing. */
  readonly subsets: readonly Values[];
  readonly hasSection2?: boolean;
}
/** Values of each element, first come first; of replication factors too. */
export type Values = Readonly<Record<number, readonly Given[]>>;

interface Field {
  readonly width: number;
  readonly raw: bigint;
}

/** The raw number of a value in the unit of table B. */
export function raw(id: number, value: number): number {
  const element = elementOf(id);
  if (!element) throw new Error(`no element ${id}`);
  return Math.round(value * 10 ** element.scale) - element.reference;
}

const ones = (width: number): bigint => (1n << BigInt(width)) - 1n;

/** A message of BUFR with those values: the other way round than the decoder, and by other means (big integers). */
export function encode({ descriptors, subsets, isCompressed = false, ...rest }: Written): Buffer {
  const fields = subsets.map((values) => new Writer(values).fields(descriptors));
  const bits = isCompressed ? compressed(fields) : fields.flat().map(({ width, raw }) => bitsOf(raw, width));
  const joined = bits.join('');
  const data = Buffer.from(
    joined.match(/.{1,8}/g)?.map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2)) ?? [],
  );
  return message(data, descriptors, subsets.length, isCompressed, rest);
}

const bitsOf = (raw: bigint, width: number): string =>
  width === 0 ? '' : raw.toString(2).padStart(width, '0');

/** Base, width of increments and increments; texts come as octets. */
function compressed(subsets: readonly (readonly Field[])[]): string[] {
  return (subsets[0] ?? []).map(({ width }, place) => {
    const raws = subsets.map((fields) => fields[place]?.raw ?? 0n);
    const isText = width >= 64;
    if (raws.every((raw) => raw === raws[0])) return bitsOf(raws[0] ?? 0n, width) + bitsOf(0n, 6);
    if (isText)
      return (
        bitsOf(0n, width) + bitsOf(BigInt(width / 8), 6) + raws.map((raw) => bitsOf(raw, width)).join('')
      );
    const isMissing = (raw: bigint): boolean => width > 1 && raw === ones(width);
    const known = raws.filter((raw) => !isMissing(raw)).sort((a, b) => (a < b ? -1 : 1));
    const [base = 0n, highest = base] = [known[0], known.at(-1)];
    const step = (highest - base + 1n).toString(2).length;
    const steps = raws.map((raw) => bitsOf(isMissing(raw) ? ones(step) : raw - base, step));
    return bitsOf(base, width) + bitsOf(BigInt(step), 6) + steps.join('');
  });
}

class Writer {
  readonly #left: Map<number, Given[]>;
  #width = 0;
  #octets = 0;
  #associated = 0;
  #both = 0;

  constructor(values: Values) {
    this.#left = new Map(Object.entries(values).map(([id, given]) => [Number(id), [...given]]));
  }

  fields(ids: readonly number[]): Field[] {
    const out: Field[] = [];
    for (let at = 0; at < ids.length; at++) {
      const id = ids[at] as number;
      const [f, x, y] = [Math.floor(id / 100_000), Math.floor(id / 1000) % 100, id % 1000];
      if (f === 0) out.push(...this.#element(id));
      else if (f === 3) out.push(...this.fields(sequenceOf(id) ?? []));
      else if (f === 2) this.#operate(x, y);
      else {
        const factor = y === 0 ? this.#element(ids[++at] as number) : [];
        const times = y === 0 ? Number(factor[0]?.raw) : y;
        out.push(...factor);
        for (let turn = 0; turn < times; turn++) out.push(...this.fields(ids.slice(at + 1, at + 1 + x)));
        at += x;
      }
    }
    return out;
  }

  #operate(x: number, y: number): void {
    if (x === 1) this.#width = y === 0 ? 0 : y - 128;
    if (x === 4) this.#associated = y;
    if (x === 7) this.#both = y;
    if (x === 8) this.#octets = y;
  }

  #element(id: number): Field[] {
    const element = elementOf(id);
    if (!element) throw new Error(`no element ${id}`);
    const given = this.#left.get(id)?.shift();
    const isQualifier = Math.floor(id / 1000) === 31;
    const front =
      this.#associated > 0 && !isQualifier
        ? [{ width: this.#associated, raw: BigInt(this.#left.get(-id)?.shift() ?? 0) }]
        : [];
    if (element.kind === 'text') {
      const octets = this.#octets || element.width / 8;
      const text =
        typeof given === 'string' ? Buffer.from(given.padEnd(octets), 'latin1') : Buffer.alloc(octets, 0xff);
      return [...front, { width: octets * 8, raw: BigInt(`0x${text.toString('hex')}`) }];
    }
    const more =
      element.kind === 'number' && !isQualifier ? this.#width + Math.floor((10 * this.#both + 2) / 3) : 0;
    const width = element.width + more;
    const isMissing = given === undefined || given === null;
    const raw = isMissing ? (isQualifier ? 0n : ones(width)) : BigInt(given);
    return [...front, { width, raw }];
  }
}

function message(
  data: Buffer,
  descriptors: readonly number[],
  subsets: number,
  isCompressed: boolean,
  {
    edition = 4,
    category = 0,
    hasSection2 = false,
  }: Omit<Written, 'descriptors' | 'subsets' | 'isCompressed'>,
): Buffer {
  const flag = hasSection2 ? 0x80 : 0;
  const first =
    edition === 4
      ? [0, 0, 22, 0, 0, 0, 0, 0, 0, flag, category, 0, 0, 45, 0, 7, 232, 5, 1, 12, 0, 0]
      : [0, 0, 18, 0, 0, 0, 0, flag, category, 0, 13, 0, 24, 5, 1, 12, 0, 0];
  const words = descriptors.flatMap((id) => {
    const word = Math.floor(id / 100_000) * 0x4000 + (Math.floor(id / 1000) % 100) * 256 + (id % 1000);
    return [word >> 8, word & 255];
  });
  const third = [subsets >> 8, subsets & 255, isCompressed ? 0xc0 : 0x80, ...words];
  const section = (body: Uint8Array): Buffer =>
    Buffer.concat([
      Buffer.from([(body.length + 4) >> 16, ((body.length + 4) >> 8) & 255, (body.length + 4) & 255, 0]),
      body,
    ]);
  const rest = Buffer.concat([
    Buffer.from(first),
    ...(hasSection2 ? [section(Buffer.from('local'))] : []),
    section(Buffer.from(third)),
    section(data),
    Buffer.from('7777'),
  ]);
  const length = rest.length + 8;
  return Buffer.concat([
    Buffer.from('BUFR'),
    Buffer.from([length >> 16, (length >> 8) & 255, length & 255, edition]),
    rest,
  ]);
}
