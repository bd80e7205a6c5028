import type { Disk, DiskFile } from '../../src/lib/disk.ts';
import type { Life, Scheduler } from './scheduler.ts';

interface TimedDiskOptions {
  readonly scheduler: Scheduler;
  /** The process that owns the disk: when it dies nothing under way is done. */
  readonly life: Life;
  /** A planted fault: a sync answers without having synced. */
  readonly neverSyncs: boolean;
  /** Called when bytes begin to be written: a good instant for the power to go. */
  readonly onWrite: () => void;
}

/** A disk whose every operation takes its seeded time before it happens; directories and sizes are known at once. */
export function timedDisk(disk: Disk, { scheduler, life, neverSyncs, onWrite }: TimedDiskOptions): Disk {
  const later = <T>(scale: number, run: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      scheduler.after(scheduler.delay(scale), () => void run().then(resolve, reject), life);
    });
  const file = (of: DiskFile): DiskFile => ({
    write: (bytes) => {
      onWrite();
      return later(0.2, () => of.write(bytes));
    },
    datasync: () => later(1, async () => (neverSyncs ? undefined : of.datasync())),
    read: (at, length) => later(0.2, () => of.read(at, length)),
    close: () => of.close(),
  });
  return {
    openAppend: (path) => later(0.1, async () => file(await disk.openAppend(path))),
    openRead: (path) => later(0.1, async () => file(await disk.openRead(path))),
    createNew: (path, bytes) => later(0.2, () => disk.createNew(path, bytes)),
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (directory) => disk.list(directory),
    rename: (from, to) => later(0.1, () => disk.rename(from, to)),
    remove: (path) => later(0.1, () => disk.remove(path)),
    truncate: (path, length) => later(0.1, () => disk.truncate(path, length)),
    syncDirectory: (path) => later(1, async () => (neverSyncs ? undefined : disk.syncDirectory(path))),
    size: (path) => disk.size(path),
  };
}
