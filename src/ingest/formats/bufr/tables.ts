import { TABLE_B, TABLE_D } from './wmo-tables.ts';

/** An element of table B: (raw + reference) / 10^scale, in the unit of the table. */
export interface Element {
  /** FXXYYY as a number: 12101 for 0 12 101. */
  readonly id: number;
  readonly kind: 'number' | 'code' | 'text';
  readonly scale: number;
  readonly reference: number;
  /** Bits. */
  readonly width: number;
  readonly name: string;
}

const kinds = { n: 'number', c: 'code', t: 'text' } as const;

const entriesOf = (table: string): string[] => table.split(/[;\n]+/).filter((entry) => entry !== '');

const elements: ReadonlyMap<number, Element> = new Map(
  entriesOf(TABLE_B).map((entry) => {
    const [id, kind, scale, reference, width, name = ''] = entry.split('|');
    const figures = { scale: Number(scale), reference: Number(reference), width: Number(width) };
    return [Number(id), { id: Number(id), kind: kinds[kind as keyof typeof kinds], ...figures, name }];
  }),
);

const sequences: ReadonlyMap<number, readonly number[]> = new Map(
  entriesOf(TABLE_D).map((entry) => {
    const [id, children = ''] = entry.split('=');
    return [Number(id), children.split(' ').map(Number)];
  }),
);

export const elementOf = (id: number): Element | undefined => elements.get(id);
export const sequenceOf = (id: number): readonly number[] | undefined => sequences.get(id);

/** A descriptor as tables write it: 012101. */
export const shownId = (id: number): string => String(id).padStart(6, '0');
