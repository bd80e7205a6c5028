interface Vertex {
  readonly at: readonly number[];
  readonly value: number;
}

/** Steps of one search, and searches begun anew from the best point: a simplex that lies flat gets its room again. */
const MAX_STEPS = 600;
const MAX_RESTARTS = 8;

/**
 * Least point of a function of few variables without derivatives: Nelder & Mead 1965 (Computer Journal 7, 308–313), begun
 * anew from its result until that gains nothing. Bounds are drawn by the function itself, by answering infinity outside.
 * `steps` are the first edges of the simplex, one for each variable. Bounded: at most 8 searches of 600 steps.
 */
export function minimise(
  f: (at: readonly number[]) => number,
  start: readonly number[],
  steps: readonly number[],
): Vertex {
  let best: Vertex = { at: start, value: f(start) };
  for (let restart = 0; restart < MAX_RESTARTS; restart++) {
    const next = search(f, best, restart === 0 ? steps : steps.map((step) => step / 4));
    const gain = best.value - next.value;
    best = next;
    if (!(gain > 1e-10 * (1 + Math.abs(best.value)))) break;
  }
  return best;
}

function search(f: (at: readonly number[]) => number, from: Vertex, steps: readonly number[]): Vertex {
  const vertex = (at: readonly number[]): Vertex => {
    const value = f(at);
    return { at, value: Number.isNaN(value) ? Number.POSITIVE_INFINITY : value };
  };
  let simplex = [
    from,
    ...steps.map((step, i) => vertex(from.at.map((x, j) => (i === j ? x + step : x)))),
  ].sort(byValue);
  for (let step = 0; step < MAX_STEPS; step++) {
    const best = simplex[0] as Vertex;
    const worst = simplex.at(-1) as Vertex;
    if (worst.value - best.value <= 1e-13 * (1 + Math.abs(best.value))) break;
    const others = simplex.slice(0, -1);
    const centre = best.at.map(
      (_, i) => others.reduce((sum, { at }) => sum + (at[i] as number), 0) / others.length,
    );
    const along = (t: number): Vertex => vertex(centre.map((c, i) => c + t * ((worst.at[i] as number) - c)));
    const taken = move(along, best, others.at(-1) as Vertex, worst);
    const moved = taken
      ? [...others, taken]
      : [
          best,
          ...simplex.slice(1).map(({ at }) => vertex(at.map((x, i) => (x + (best.at[i] as number)) / 2))),
        ];
    simplex = moved.sort(byValue);
  }
  return simplex[0] as Vertex;
}

/** Reflection, expansion or contraction of the worst vertex; nothing when the simplex has to shrink. */
function move(along: (t: number) => Vertex, best: Vertex, second: Vertex, worst: Vertex): Vertex | undefined {
  const reflected = along(-1);
  if (reflected.value < best.value) {
    const expanded = along(-2);
    return expanded.value < reflected.value ? expanded : reflected;
  }
  if (reflected.value < second.value) return reflected;
  const contracted = along(reflected.value < worst.value ? -0.5 : 0.5);
  return contracted.value < Math.min(reflected.value, worst.value) ? contracted : undefined;
}

const byValue = (a: Vertex, b: Vertex): number => a.value - b.value;

const MAX_HALVINGS = 200;

/** The zero of a function between two points at which its signs differ, by halving; the nearer end where they do not. */
export function rootBetween(f: (x: number) => number, low: number, high: number): number {
  let [a, b] = [low, high];
  const sign = Math.sign(f(a));
  if (sign === Math.sign(f(b))) return Math.abs(f(a)) < Math.abs(f(b)) ? a : b;
  for (let i = 0; i < MAX_HALVINGS && b - a > 1e-14 * (Math.abs(a) + Math.abs(b)); i++) {
    const middle = (a + b) / 2;
    if (Math.sign(f(middle)) === sign) a = middle;
    else b = middle;
  }
  return (a + b) / 2;
}
