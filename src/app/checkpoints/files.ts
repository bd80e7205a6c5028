import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckpointMedium } from '../../store/ledger/checkpoint-medium.ts';

const NAME = /^(\d+)-(\d+)\.ckpt$/;

/**
 * Checkpoints as files `<partition>-<offset>.ckpt` of one process (docs/formats/checkpoint.md). Written beside and
 * renamed, so that a crash leaves the old one.
 */
export async function openCheckpointFiles(directory: string): Promise<CheckpointMedium> {
  const known = new Map<number, readonly number[]>();
  const offsetsOf = (partition: number): readonly number[] => known.get(partition) ?? [];
  const note = (partition: number, offset: number): void => {
    const others = offsetsOf(partition).filter((one) => one !== offset);
    known.set(
      partition,
      [...others, offset].sort((a, b) => a - b),
    );
  };
  const nameOf = (partition: number, offset: number): string =>
    join(directory, `${partition}-${offset}.ckpt`);

  await mkdir(directory, { recursive: true });
  for (const file of await readdir(directory)) {
    const match = NAME.exec(file);
    if (match) note(Number(match[1]), Number(match[2]));
    else if (file.endsWith('.tmp')) await rm(join(directory, file));
  }
  return {
    offsets: async (partition) => offsetsOf(partition),
    read: (partition, offset) => readFile(nameOf(partition, offset)).catch(() => undefined),
    async write(partition, offset, bytes) {
      const path = nameOf(partition, offset);
      const file = await open(`${path}.tmp`, 'w');
      try {
        await file.writeFile(bytes);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(`${path}.tmp`, path);
      note(partition, offset);
    },
    async remove(partition, offsets) {
      for (const offset of offsets) await rm(nameOf(partition, offset), { force: true });
      // What was written meanwhile stays.
      known.set(
        partition,
        offsetsOf(partition).filter((offset) => !offsets.includes(offset)),
      );
    },
    nameOf,
  };
}
