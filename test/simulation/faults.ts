import type { Coordinator } from './coordinator.ts';
import type { Front } from './front.ts';
import { note, type World } from './world.ts';

export interface Parts {
  readonly front: Front;
  readonly coordinator: Coordinator;
}

const SECOND = 1000;

/** Puts the seed's faults at their instants between `from` and `to`; all of them have passed soon after. */
export function planFaults(world: World, parts: Parts, from: number, to: number): void {
  const { scheduler } = world;
  const times = (least: number, most: number, run: () => void): void => {
    const count = least + scheduler.pick(most - least + 1);
    for (let i = 0; i < count; i++)
      scheduler.after(from - scheduler.now + scheduler.random() * (to - from), () => {
        if (world.hasFaults) run();
      });
  };
  const seconds = (least: number, most: number): number =>
    (least + scheduler.random() * (most - least)) * SECOND * Math.min(10, world.cadence.tickMs / 1000);
  planLogFaults(world, times, seconds);
  planStoreFaults(world, parts, times, seconds);
  const { front, coordinator } = parts;
  const worker = () => coordinator.workers[scheduler.pick(coordinator.workers.length)];
  times(2, 4, () => worker()?.crash(seconds(1, 30)));
  times(2, 4, () => worker()?.pause(seconds(5, 60)));
  times(2, 5, () => coordinator.rebalance());
  times(1, 2, () => front.crash(seconds(0.5, 5)));
  times(0, 1, () => front.crash(seconds(15, 200)));
  times(0, 2, () => front.pause(seconds(2, 40)));
  times(0, 1, () => front.stepClock(seconds(-4, 4)));
}

type Times = (least: number, most: number, run: () => void) => void;
type Seconds = (least: number, most: number) => number;

function planLogFaults(world: World, times: Times, seconds: Seconds): void {
  const { scheduler, broker } = world;
  const fault = (what: string, run: () => void): void => {
    if (!broker.isUp) return;
    note(world, what);
    run();
  };
  times(1, 3, () => fault('power cut', () => broker.crash(true)));
  times(0, 1, () => fault('log process dies', () => broker.crash(false)));
  times(0, 1, () =>
    fault('EIO on sync', () => broker.disk.inject('datasync', 1, 'EIO', 1 + scheduler.pick(2))),
  );
  times(0, 1, () => fault('EIO on write', () => broker.disk.inject('write', 1, 'EIO')));
  times(0, 1, () => fault('EIO on read', () => broker.disk.inject('read', 1, 'EIO', 3)));
  times(0, 1, () =>
    fault('disk full', () => {
      const { disk } = broker;
      disk.inject('write', 1, 'ENOSPC', 1_000_000);
      scheduler.after(seconds(3, 30), () => disk.heal());
    }),
  );
  times(0, 1, () =>
    fault('bit rot', () => {
      void broker.rot().then((isRotten) => {
        if (!isRotten) return;
        scheduler.after(seconds(1, 10), () => broker.isUp && broker.crash(false));
        scheduler.after(seconds(20, 40), () => broker.repair());
      });
    }),
  );
}

function planStoreFaults(world: World, { coordinator }: Parts, times: Times, seconds: Seconds): void {
  const { scheduler, archive, channel } = world;
  times(1, 2, () => {
    note(world, 'channel is down');
    channel.isDown = true;
    scheduler.after(seconds(20, 240), () => {
      channel.isDown = false;
    });
  });
  times(8, 12, () => archive.makeDurable());
  // The machine of workers and archive loses power, and the archive's write-ahead log does not survive it.
  times(0, 1, () => {
    note(world, 'archive falls back');
    for (const worker of coordinator.workers) worker.crash(seconds(1, 5));
    archive.loseWriteAheadLog();
  });
}
