/** A report before it is drawn: the same for paper and screen. Texts are plain; whoever draws escapes them. */
export interface ReportDocument {
  readonly language: string;
  readonly title: string;
  /** What stands over every page of a server that is not the real thing. */
  readonly mark: string | null;
  readonly subtitle: string;
  readonly facts: readonly (readonly [label: string, value: string])[];
  readonly sections: readonly ReportSection[];
  readonly footer: string;
}

export type ReportSection =
  | {
      readonly kind: 'table';
      readonly title: string;
      readonly head: readonly string[];
      /** Shares of the width, one for each column. */
      readonly widths: readonly number[];
      readonly rows: readonly (readonly string[])[];
      /** What stands in place of no rows. */
      readonly empty: string;
    }
  | ({ readonly kind: 'figure'; readonly title: string } & Figure);

/** A series in time. */
export interface Figure {
  readonly unit: string;
  /** Epoch ms, and how they are written. */
  readonly from: number;
  readonly to: number;
  readonly fromText: string;
  readonly toText: string;
  readonly topText: string;
  readonly points: readonly { readonly at: number; readonly value: number }[];
  /** Bars for amounts, which stand on 0; else a line. */
  readonly isBars: boolean;
  readonly low: number;
  readonly high: number;
  /** What the drawing says, for those who cannot see it. */
  readonly says: string;
}

/** Places of the points in a box of that size, from its upper left corner. */
export function placed(
  { points, from, to, low, high }: Figure,
  width: number,
  height: number,
): { readonly x: number; readonly y: number }[] {
  const range = high - low || 1;
  return points.map(({ at, value }) => ({
    x: ((at - from) / (to - from || 1)) * width,
    y: height - ((value - low) / range) * height,
  }));
}

/** As wide as the nearest two points are apart: each bar ends at the instant of its reading. */
export function barWidth({ points, from, to }: Figure, width: number): number {
  let least = (to - from) / 12;
  for (const [i, { at }] of points.entries()) least = Math.min(least, at - (points[i - 1]?.at ?? at - least));
  return Math.max(0.5, (least / (to - from || 1)) * width * 0.9);
}
