import { EventEmitter } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../log/log.ts';
import { DocumentCache } from '../documents.ts';
import { type Member, type Slot, WorkerPool } from './worker-pool.ts';

/** Time that goes on when it is told to; one timer is enough. */
class FakeClock implements Clock {
  #now = 0;
  #timer: { at: number; callback: () => void } | null = null;
  now(): number {
    return this.#now;
  }
  monotonicMs(): number {
    return this.#now;
  }
  after(ms: number, callback: () => void): () => void {
    this.#timer = { at: this.#now + ms, callback };
    return () => {
      this.#timer = null;
    };
  }
  async pass(seconds: number, each: () => void = () => {}): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.#now += 1000;
      each();
      if (this.#timer && this.#timer.at <= this.#now) this.#timer.callback();
      for (let turn = 0; turn < 200; turn++) await undefined;
    }
  }
}

class FakeThread extends EventEmitter {
  isEnded = false;
  postMessage(): void {}
  async terminate(): Promise<number> {
    this.isEnded = true;
    return 0;
  }
}

class FakeMember implements Member {
  readonly home: Slot[] = [];
  losses = 0;
  failure: Error | null = null;
  lost(): void {
    this.losses++;
  }
  async move(to: Slot): Promise<void> {
    to.members.add(this);
    this.home.push(to);
  }
  failed(error: Error): void {
    this.failure = error;
  }
}

async function opened(max: number) {
  const clock = new FakeClock();
  const threads: FakeThread[] = [];
  const failures: unknown[] = [];
  const state = { lag: 0 };
  const pool = new WorkerPool({
    ...{ min: 1, max, clock, latenessMs: 0, documents: new DocumentCache() },
    log: { lag: async () => state.lag } as unknown as Log,
    onFailure: (error) => void failures.push(error),
    startThread: () => {
      const thread = new FakeThread();
      threads.push(thread);
      return thread as unknown as Worker;
    },
  });
  await pool.start();
  const members = Array.from({ length: 8 }, () => new FakeMember());
  for (const member of members) member.home.push(pool.join(member));
  return { clock, threads, failures, state, pool, members };
}

it('follows the lag up and down, spreads the partitions evenly and ends the threads that are left over', async () => {
  const { clock, threads, state, pool, members } = await opened(3);
  const spread = (): number[] => {
    const homes = members.map(({ home }) => home.at(-1));
    return [...new Set(homes)].map((slot) => homes.filter((home) => home === slot).length).sort();
  };
  state.lag = 100_000;
  await clock.pass(6, () => pool.note(1000, 1000));
  expect([pool.size, spread()]).toEqual([2, [4, 4]]);
  await clock.pass(20, () => pool.note(2000, 2000));
  expect([pool.size, spread()]).toEqual([3, [2, 3, 3]]);
  state.lag = 0;
  await clock.pass(59);
  expect(pool.size).toBe(3);
  await clock.pass(130);
  expect([pool.size, spread()]).toEqual([1, [8]]);
  expect(threads.map(({ isEnded }) => isEnded)).toEqual([false, true, true]);
  await pool.stop();
  expect(threads.every(({ isEnded }) => isEnded)).toBe(true);
});

it('replaces five threads in a minute and gives up at the sixth', async () => {
  const { clock, threads, failures, pool, members } = await opened(2);
  const crash = (): void => {
    threads.at(-1)?.emit('error', new Error('no memory'));
    threads.at(-1)?.emit('exit', 1);
  };
  for (let i = 0; i < 5; i++) crash();
  expect([threads.length, failures, members[0]?.losses]).toEqual([6, [], 5]);
  await clock.pass(61);
  crash();
  expect([threads.length, failures]).toEqual([7, []]);
  for (let i = 0; i < 5; i++) crash();
  expect(String(failures[0])).toMatch(/ended 6 times in a minute.*no memory/);
  expect(members.every(({ failure }) => failure !== null)).toBe(true);
  expect(pool.size).toBe(1);
});
