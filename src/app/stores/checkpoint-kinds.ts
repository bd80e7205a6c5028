import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { openS3Checkpoints } from '../../store/checkpoints/s3/medium.ts';
import type { CheckpointMedium } from '../../store/ledger/checkpoint-medium.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { type CheckpointFlaw, CheckpointStore } from '../checkpoints/checkpoints.ts';
import { openCheckpointFiles } from '../checkpoints/files.ts';
import { defined } from '../config/secrets.ts';
import type { S3CheckpointsConfig } from '../config/store-config.ts';
import type { StoresOptions } from './stores.ts';

/** On S3 when the configuration says so, beside the ledger where processes share them, else as files. Those of another log have a place of their own. */
export async function openCheckpoints(
  identity: string,
  common: CheckpointMedium | undefined,
  ledger: Ledger,
  { config, clock, log }: StoresOptions,
): Promise<CheckpointStore> {
  const passedOver = (file: string, flaw: CheckpointFlaw): void =>
    log.warn(
      { file, flaw },
      flaw === 'damaged'
        ? 'checkpoint passed over: it is damaged'
        : 'refold: the checkpoint is of another fold version',
    );
  const folder = identity === 'embedded' ? 'checkpoints' : `checkpoints-${identity}`;
  const medium = config.checkpoints
    ? await openS3(config.checkpoints, identity, ledger, clock)
    : (common ?? (await openCheckpointFiles(join(config.data, folder))));
  return new CheckpointStore(medium, passedOver);
}

function openS3(
  { kind: _, prefix, ...access }: S3CheckpointsConfig,
  identity: string,
  ledger: Ledger,
  clock: Clock,
): Promise<CheckpointMedium> {
  return openS3Checkpoints({
    ...defined(access),
    bucket: access.bucket,
    prefix: `${prefix.replace(/\/$/, '')}/${identity}`,
    monotonicMs: () => clock.monotonicMs(),
    holds: async (partition, epoch) =>
      (await ledger.positions()).some((one) => one.partition === partition && one.epoch === epoch),
  });
}
