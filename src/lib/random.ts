/** Uniform numbers in [0, 1): the only door to chance. */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();

/** Mulberry32: 32 bits of state, for tests and simulations that must repeat. Source: T. Ettinger, public domain. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
