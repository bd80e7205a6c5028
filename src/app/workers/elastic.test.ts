import { describe, expect, it } from 'vitest';
import { Elastic } from './elastic.ts';

/** A machine of workers that fold one record in a millisecond each, seen once a second. */
class Machine {
  readonly #elastic: Elastic;
  readonly #perSecond: number;
  workers: number;
  lag = 0;
  #atMs = 0;
  #records = 0;
  #busyMs = 0;
  /** Number of workers after each second. */
  readonly seen: number[] = [];

  constructor(options: { min: number; max: number; perSecond?: number }) {
    this.#elastic = new Elastic(options);
    this.#perSecond = options.perSecond ?? 1000;
    this.workers = options.min;
  }

  run(seconds: number, arriving: number): this {
    for (let second = 0; second < seconds; second++) {
      const folded = Math.min(this.lag + arriving, this.workers * this.#perSecond);
      this.lag += arriving - folded;
      this.#records += folded;
      this.#busyMs += folded;
      this.#atMs += 1000;
      this.workers = this.#elastic.observe({
        atMs: this.#atMs,
        lagRecords: this.lag,
        records: this.#records,
        busyMs: this.#busyMs,
        workers: this.workers,
      });
      this.seen.push(this.workers);
    }
    return this;
  }
}

describe('the number of workers', () => {
  it('rises by one after each 3 s with more than 1 s of work behind, up to the most', () => {
    const machine = new Machine({ min: 1, max: 4 }).run(20, 5000);
    expect(machine.seen.indexOf(2)).toBe(4);
    expect(machine.seen.indexOf(3)).toBe(8);
    expect(machine.seen.indexOf(4)).toBe(12);
    expect(Math.max(...machine.seen)).toBe(4);
  });

  it('does not rise for a lag that is gone before 3 s', () => {
    const machine = new Machine({ min: 1, max: 4 }).run(5, 100).run(1, 3500).run(60, 100);
    expect(machine.seen).toEqual(new Array(66).fill(1));
  });

  it('falls by one after each 60 s without lag, down to the least', () => {
    const machine = new Machine({ min: 1, max: 3 }).run(60, 2900);
    expect(machine.workers).toBe(3);
    machine.run(59, 0);
    expect(machine.workers).toBe(3);
    machine.run(8, 0);
    expect(machine.workers).toBe(2);
    machine.run(200, 0);
    expect(machine.workers).toBe(1);
  });

  it('does not fall while one less would have to work hard', () => {
    const machine = new Machine({ min: 1, max: 3 }).run(60, 2900).run(300, 1400);
    expect(machine.workers).toBe(3);
    expect(machine.lag).toBe(0);
  });

  it('does not swing: a steady load changes the number in one direction only', () => {
    for (const load of [100, 900, 1100, 1900, 2500, 3900]) {
      const { seen } = new Machine({ min: 1, max: 4 }).run(1000, load);
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
    }
  });

  it('does not rise when the workers wait for the sinks', () => {
    // 200 records a second are committed, for which a worker needs 0.2 s.
    const machine = new Machine({ min: 1, max: 4, perSecond: 200 }).run(60, 5000);
    expect(machine.workers).toBe(1);
  });
});
