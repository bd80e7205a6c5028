import { invariant } from '../lib/errors.ts';

/** The loss is smoothed by this share of the scale at first, and by less each time: near a point the steps grow small. */
const FIRST_SMOOTHING = 1;
const LAST_SMOOTHING = 1e-6;
const COOLING = 0.5;
const STEPS_EACH = 12;

/** Pinball (quantile) loss of one forecast of the quantile `tau`: Koenker & Bassett 1978, Econometrica 46, 33-50. */
export const pinball = (tau: number, observed: number, forecast: number): number =>
  (observed - forecast) * (tau - (observed < forecast ? 1 : 0));

/**
 * Coefficients of the linear quantile `tau` of `y`, least in the sum of the pinball loss, by the steps of Hunter & Lange
 * 2000 (J. Comput. Graph. Stat. 9, 60-77): each solves a weighted least-squares problem and never makes the smoothed loss
 * greater; the smoothing is made less and less. `rows` are the predictors of each observation, a constant among them. At
 * most 240 steps.
 */
export function quantileRegression(
  rows: readonly (readonly number[])[],
  y: readonly number[],
  tau: number,
): readonly number[] {
  const width = rows[0]?.length ?? 0;
  invariant(rows.length === y.length && rows.length >= width && width > 0, 'too few rows for a regression');
  const scale = y.reduce((sum, value) => sum + Math.abs(value), 0) / y.length || 1;
  const lossOf = (at: readonly number[]): number =>
    rows.reduce((sum, row, i) => sum + pinball(tau, y[i] as number, dot(row, at)), 0);
  let best = { at: new Array<number>(width).fill(0) as readonly number[], loss: Number.POSITIVE_INFINITY };
  let at = best.at;
  for (let smoothing = FIRST_SMOOTHING; smoothing >= LAST_SMOOTHING; smoothing *= COOLING) {
    let before = Number.POSITIVE_INFINITY;
    for (let step = 0; step < STEPS_EACH; step++) {
      at = oneStep(rows, y, tau, at, scale * smoothing);
      const loss = lossOf(at);
      if (loss < best.loss) best = { at, loss };
      if (Math.abs(before - loss) <= 1e-7 * loss) break;
      before = loss;
    }
  }
  return best.at;
}

export const dot = (row: readonly number[], coefficients: readonly number[]): number =>
  coefficients.reduce((sum, coefficient, i) => sum + coefficient * (row[i] as number), 0);

function oneStep(
  rows: readonly (readonly number[])[],
  y: readonly number[],
  tau: number,
  at: readonly number[],
  epsilon: number,
): readonly number[] {
  const width = at.length;
  const matrix = Array.from({ length: width }, () => new Array<number>(width).fill(0));
  const right = new Array<number>(width).fill(0);
  for (const [i, row] of rows.entries()) {
    const observed = y[i] as number;
    const weight = 1 / (epsilon + Math.abs(observed - dot(row, at)));
    for (let a = 0; a < width; a++) {
      const cell = row[a] as number;
      right[a] = (right[a] as number) + cell * (weight * observed + 2 * tau - 1);
      const line = matrix[a] as number[];
      for (let b = 0; b <= a; b++) line[b] = (line[b] as number) + weight * cell * (row[b] as number);
    }
  }
  return solve(matrix, right);
}

/** Solves a symmetric positive system (lower half given) by Cholesky; a predictor that says nothing new gets 0. */
function solve(matrix: readonly number[][], right: readonly number[]): readonly number[] {
  const n = right.length;
  const lower = matrix.map((row) => [...row]);
  const cell = (row: number, column: number): number => (lower[row] as number[])[column] as number;
  const isDead = new Array<boolean>(n).fill(false);
  for (let j = 0; j < n; j++) {
    const full = cell(j, j);
    for (let i = j; i < n; i++) {
      let sum = cell(i, j);
      for (let k = 0; k < j; k++) if (!isDead[k]) sum -= cell(i, k) * cell(j, k);
      if (i === j) isDead[j] = !(sum > full * 1e-10);
      if (isDead[j]) break;
      (lower[i] as number[])[j] = i === j ? Math.sqrt(sum) : sum / cell(j, j);
    }
  }
  const alive = right.map((_, i) => i).filter((i) => !isDead[i]);
  const half = new Array<number>(n).fill(0);
  for (const i of alive) {
    let sum = right[i] as number;
    for (const k of alive) if (k < i) sum -= cell(i, k) * (half[k] as number);
    half[i] = sum / cell(i, i);
  }
  const found = new Array<number>(n).fill(0);
  for (const i of alive.toReversed()) {
    let sum = half[i] as number;
    for (const k of alive) if (k > i) sum -= cell(k, i) * (found[k] as number);
    found[i] = sum / cell(i, i);
  }
  return found;
}
