import { resolve } from 'node:path';
import { AtalaiaError } from '../../lib/errors.ts';
import { openLakeFolder } from '../../store/lake/folder/medium.ts';
import type { LakeMedium } from '../../store/lake/lake.ts';
import { openS3Lake } from '../../store/lake/s3/medium.ts';
import { LAKE_ON_S3, type LakeConfig } from '../config/store-config.ts';

/** The lake in a folder, or under `s3://bucket/prefix`. Rejects with ATL_USAGE, ATL_CONFIG or ATL_STORE. */
export async function openLake({ to, region, endpoint }: Omit<LakeConfig, 'every'>): Promise<LakeMedium> {
  if (!to.includes('://')) return openLakeFolder(resolve(to));
  const [, bucket, prefix] = LAKE_ON_S3.exec(to) ?? [];
  if (bucket === undefined)
    throw new AtalaiaError(
      'ATL_USAGE',
      `The lake ${to} is no folder and no s3://bucket/prefix. Write it so.`,
    );
  return openS3Lake({
    bucket,
    ...(prefix === undefined ? {} : { prefix }),
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
  });
}
