import { Worker } from './worker.ts';
import { note, type World } from './world.ts';

const LEASE_MS = 10_000;
const LOOK_MS = 1000;

/** Says which worker folds which partition: a worker that is not heard of for a lease loses its own to the other. */
export class Coordinator {
  readonly workers: readonly Worker[];
  readonly #world: World;
  /** Worker of each partition. */
  readonly #owners: Worker[];

  constructor(world: World, names: readonly string[]) {
    this.#world = world;
    this.workers = names.map((name) => new Worker(world, name, (worker) => worker.take(this.#owned(worker))));
    this.#owners = Array.from(
      { length: world.partitions },
      (_, partition) => this.workers[partition % this.workers.length] as Worker,
    );
  }

  #owned(worker: Worker): number[] {
    return this.#owners.flatMap((owner, partition) => (owner === worker ? [partition] : []));
  }

  start(): void {
    for (const worker of this.workers) worker.start();
    this.#look();
  }

  #look(): void {
    const { scheduler, cadence } = this.#world;
    for (const worker of this.workers) {
      if (worker.isResponsive) worker.lastSeenAt = scheduler.now;
      else if (scheduler.now - worker.lastSeenAt > LEASE_MS) this.#takeOver(worker);
    }
    scheduler.after(LOOK_MS * Math.min(5, cadence.tickMs / 1000), () => this.#look());
  }

  #takeOver(from: Worker): void {
    const to = this.workers.find((worker) => worker !== from && worker.isResponsive);
    const partitions = this.#owned(from);
    if (!to || partitions.length === 0) return;
    note(this.#world, `${from.name} lost its lease`);
    for (const partition of partitions) this.#owners[partition] = to;
    to.take(partitions);
  }

  /** Moves one partition to the other worker; now and then before the first has let go. */
  rebalance(): void {
    const { scheduler } = this.#world;
    const partition = scheduler.pick(this.#owners.length);
    const from = this.#owners[partition] as Worker;
    const to = this.workers.find((worker) => worker !== from && worker.isResponsive);
    if (!to || !from.isResponsive) return;
    note(this.#world, `partition ${partition} moves`);
    this.#owners[partition] = to;
    if (scheduler.chance(0.4)) {
      to.take([partition]);
      from.release(partition, () => {});
    } else from.release(partition, () => to.take([partition]));
  }
}
