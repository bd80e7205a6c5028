import { createHash, type Hash } from 'node:crypto';
import type { Clock } from '../../src/lib/clock.ts';
import { type Random, seededRandom } from '../../src/lib/random.ts';

/** One run of a simulated process, from its start to its crash. What belongs to it dies or sleeps with it. */
export class Life {
  readonly name: string;
  /** Milliseconds by which the machine clock of this process is off. */
  skewMs: number;
  isOver = false;
  isPaused = false;
  /** What came due while it was paused. */
  parked: (() => void)[] = [];

  constructor(name: string, skewMs = 0) {
    this.name = name;
    this.skewMs = skewMs;
  }
}

interface Step {
  readonly at: number;
  /** Seeded: decides between steps of one instant. */
  readonly tie: number;
  readonly life: Life | null;
  run: (() => void) | null;
}

const isBefore = (a: Step, b: Step): boolean => a.at < b.at || (a.at === b.at && a.tie < b.tie);
// Taken before any simulation replaces the global one.
const macrotask = globalThis.setImmediate;
const MAX_STEPS = 20_000_000;

/**
 * Virtual time and every choice of order: a heap of steps by (instant, seeded tie). After a step all promises that it
 * settled run to their end before the next begins, so one seed gives one history.
 */
export class Scheduler {
  readonly random: Random;
  /** Epoch ms, with fractions. */
  now: number;
  steps = 0;
  /** Whose code is running; null is the world outside. */
  current: Life | null = null;
  readonly #heap: Step[] = [];
  readonly #hash: Hash = createHash('sha256');
  readonly #onTrace: ((line: string) => void) | undefined;

  constructor(seed: number, startAt: number, onTrace?: (line: string) => void) {
    this.random = seededRandom(seed);
    this.now = startAt;
    this.#onTrace = onTrace;
  }

  /** Puts a line into the hash that two runs of one seed must share. */
  trace(line: string): void {
    const text = `${this.steps} ${this.now.toFixed(3)} ${line}\n`;
    this.#hash.update(text);
    this.#onTrace?.(text.trimEnd());
  }

  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  /** A whole number in [0, n). */
  pick(n: number): number {
    return Math.floor(this.random() * n);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** Milliseconds that a step of a port takes: mostly few, now and then many. */
  delay(scale = 1): number {
    const slow = this.random() < 0.01;
    return (0.05 + this.random() * (slow ? 300 : 3)) * scale;
  }

  /** Runs after `ms`; the returned function cancels. A step of a process that is over never runs. */
  after(ms: number, run: () => void, life: Life | null = null): () => void {
    if (!Number.isFinite(ms)) throw new Error(`${ms} ms is no span for a timer.`);
    const step: Step = { at: this.now + Math.max(0, ms), tie: this.random(), life, run };
    this.#push(step);
    return () => {
      step.run = null;
    };
  }

  clockOf(life: Life): Clock {
    return {
      now: () => Math.floor(this.now + life.skewMs),
      monotonicMs: () => this.now,
      after: (ms, callback) => this.after(ms, callback, life),
    };
  }

  /**
   * A request of `life` to something outside it: `action` happens a while later, the answer comes another while later.
   * A request under way when its sender dies may still arrive; the answer reaches nobody.
   */
  call<T>(life: Life, action: () => T | Promise<T>): Promise<T> {
    const arrivesAnyway = this.chance(0.5);
    return new Promise<T>((resolve, reject) => {
      const answer = (settle: () => void): void => void this.after(this.delay(), settle, life);
      this.after(this.delay(), () => {
        if (life.isOver && !arrivesAnyway) return;
        new Promise<T>((done) => done(action())).then(
          (value) => answer(() => resolve(value)),
          (error) => answer(() => reject(error)),
        );
      });
    });
  }

  pause(life: Life): void {
    life.isPaused = true;
  }

  /** What came due meanwhile comes now, in the seeded order of its instants. */
  resume(life: Life): void {
    life.isPaused = false;
    const parked = life.parked;
    life.parked = [];
    for (const run of parked) this.after(0, run, life);
  }

  /** Goes on until virtual time reaches `until` or `isDone` says so. */
  async run(until: number, isDone: () => boolean = () => false): Promise<void> {
    while (!isDone()) {
      const step = this.#heap[0];
      if (!step || step.at > until) {
        this.now = Math.max(this.now, until);
        break;
      }
      this.#pop();
      if (!step.run || step.life?.isOver) continue;
      this.now = step.at;
      if (step.life?.isPaused) {
        const { run } = step;
        step.life.parked.push(run);
        continue;
      }
      if (++this.steps > MAX_STEPS) throw new Error(`The simulation took over ${MAX_STEPS} steps.`);
      this.current = step.life;
      step.run();
      await new Promise<void>((drained) => void macrotask(drained));
    }
    this.current = null;
  }

  #push(step: Step): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(step);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(step, heap[parent] as Step)) break;
      heap[i] = heap[parent] as Step;
      i = parent;
    }
    heap[i] = step;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Step;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Step, heap[child] as Step)) child++;
      if (!isBefore(heap[child] as Step, last)) break;
      heap[i] = heap[child] as Step;
      i = child;
    }
    heap[i] = last;
  }
}

/** Every method of a port as a request from `life`: with seeded delays, lost when a side dies. */
export function remote<T extends object>(scheduler: Scheduler, life: Life, port: T): T {
  const methods = new Map<string | symbol, unknown>();
  return new Proxy(port, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      if (!methods.has(key))
        methods.set(key, (...args: unknown[]) => scheduler.call(life, () => value.apply(target, args)));
      return methods.get(key);
    },
  });
}
