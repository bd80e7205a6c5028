/** The only door to time and timers; the simulation owns another one. */
export interface Clock {
  /** Epoch ms, UTC. */
  now(): number;
  /** Milliseconds that never go back, for spans. */
  monotonicMs(): number;
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms` of the given clock. */
export const sleep = (clock: Clock, ms: number): Promise<void> =>
  new Promise((done) => void clock.after(ms, done));
