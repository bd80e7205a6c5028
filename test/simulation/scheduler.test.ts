import { expect, test } from 'vitest';
import { sleep } from '../../src/lib/clock.ts';
import { withVirtualTimers } from './global-timers.ts';
import { Life, remote, Scheduler } from './scheduler.ts';

const order = async (seed: number): Promise<string> => {
  const scheduler = new Scheduler(seed, 0);
  const seen: string[] = [];
  for (const name of 'abcdefgh') scheduler.after(5, () => seen.push(name));
  scheduler.after(4, () => seen.push('first'));
  await scheduler.run(10);
  expect(scheduler.now).toBe(10);
  return seen.join('');
};

test('steps come by instant, then in the order of the seed', async () => {
  expect(await order(1)).toBe(await order(1));
  expect(await order(1)).not.toBe(await order(2));
  expect(await order(3)).toMatch(/^first/);
});

test('what belongs to a life waits while it is paused and never comes when it is over', async () => {
  const scheduler = new Scheduler(1, 0);
  const life = new Life('x');
  const seen: number[] = [];
  const clock = scheduler.clockOf(life);
  void sleep(clock, 10).then(() => seen.push(scheduler.now));
  void sleep(clock, 1000).then(() => seen.push(scheduler.now));
  scheduler.pause(life);
  await scheduler.run(100);
  expect(seen).toEqual([]);
  scheduler.resume(life);
  await scheduler.run(200);
  expect(seen).toEqual([100]);
  life.isOver = true;
  await scheduler.run(5000);
  expect(seen).toEqual([100]);
});

test('a request of a process that dies may be done or not, and is never answered', async () => {
  const outcomes = new Set<boolean>();
  for (let seed = 1; seed < 20; seed++) {
    const scheduler = new Scheduler(seed, 0);
    const life = new Life('x');
    let isDone = false;
    let isAnswered = false;
    const port = remote(scheduler, life, {
      async write() {
        isDone = true;
      },
    });
    void port.write().then(() => {
      isAnswered = true;
    });
    life.isOver = true;
    await scheduler.run(1000);
    outcomes.add(isDone);
    expect(isAnswered).toBe(false);
  }
  expect(outcomes.size).toBe(2);
});

test('timers of the machine are virtual inside and real again after', async () => {
  const scheduler = new Scheduler(1, 1_000_000);
  const { setTimeout, setImmediate } = globalThis;
  const seen: number[] = [];
  await withVirtualTimers(scheduler, 2, async () => {
    globalThis.setTimeout(() => seen.push(Date.now()), 30_000);
    clearTimeout(globalThis.setTimeout(() => seen.push(0), 10));
    const every = setInterval(() => seen.push(performance.now()), 20_000);
    await scheduler.run(1_090_000);
    clearInterval(every);
    await scheduler.run(1_200_000);
  });
  expect(seen).toEqual([520_000, 1_060_000, 540_000]);
  expect(globalThis.setTimeout).toBe(setTimeout);
  expect(globalThis.setImmediate).toBe(setImmediate);
  expect(performance.now()).not.toBe(scheduler.now / 2);
});
