import { AtalaiaError, invariant } from '../../../lib/errors.ts';
import type { CheckpointMedium } from '../../ledger/checkpoint-medium.ts';
import { Bucket, failureOf, type S3Access } from './client.ts';

export interface S3MediumOptions extends S3Access {
  /** Whether the ledger has the partition under this epoch now: who was replaced removes nothing. */
  readonly holds: (partition: number, epoch: number) => Promise<boolean>;
  readonly monotonicMs: () => number;
}

/** Of a partition there are a handful; a listing that does not end is a defect of the service. */
const MAX_PAGES = 1000;
/** S3 takes so many keys in one DeleteObjects. */
const DELETE_AT_ONCE = 1000;
/** An answer about the epoch that is older says nothing any more, ms. A log is trimmed 30 s after a takeover at the earliest. */
const TRUST_MS = 5000;
/** Offsets are below 2^53: of equal length they are listed in their order. */
const DIGITS = 16;

/**
 * Checkpoints as objects `<prefix>/<partition>/<offset>.ckpt` of an S3 bucket, for any number of processes. S3 puts an
 * object whole or not at all, and reads and lists what was put last (strong consistency since December 2020), so a
 * crash leaves what was there. Rejects with ATL_STORE while S3 does not answer.
 */
export async function openS3Checkpoints(
  options: S3MediumOptions,
): Promise<CheckpointMedium & { close(): void }> {
  const bucket = await Bucket.open(options);
  const { sdk } = bucket;
  const at = { Bucket: bucket.name };
  const base = options.prefix === undefined ? '' : `${options.prefix.replace(/\/+$/, '')}/`;
  const folderOf = (partition: number): string => `${base}${partition}/`;
  const keyOf = (partition: number, offset: number): string =>
    `${folderOf(partition)}${String(offset).padStart(DIGITS, '0')}.ckpt`;
  const nameOf = (partition: number, offset: number): string =>
    `s3://${bucket.name}/${keyOf(partition, offset)}`;
  const away = (what: string, cause: unknown): AtalaiaError =>
    new AtalaiaError(
      'ATL_STORE',
      `${what} failed (${failureOf(cause)}). Look whether S3 is reachable and the task's role allows it.`,
      { cause },
    );

  return {
    offsets: (partition) =>
      listOffsets(bucket, folderOf(partition)).catch((cause) => {
        throw away(`Listing s3://${bucket.name}/${folderOf(partition)}`, cause);
      }),

    async read(partition, offset) {
      try {
        const { Body } = await bucket.send((s3, limit) =>
          s3.send(new sdk.GetObjectCommand({ ...at, Key: keyOf(partition, offset) }), limit),
        );
        return await Body?.transformToByteArray();
      } catch (cause) {
        // To pass over a checkpoint because S3 does not answer would be to fold from the log's beginning.
        if (failureOf(cause) === 'NoSuchKey') return undefined;
        throw away(`Reading ${nameOf(partition, offset)}`, cause);
      }
    },

    async write(partition, offset, bytes) {
      await bucket
        .send((s3, limit) =>
          s3.send(
            new sdk.PutObjectCommand({
              ...at,
              Key: keyOf(partition, offset),
              Body: bytes,
              ContentType: 'application/octet-stream',
            }),
            limit,
          ),
        )
        .catch((cause) => {
          throw away(`Writing ${nameOf(partition, offset)}`, cause);
        });
    },

    async remove(partition, offsets, epoch) {
      for (let from = 0; from < offsets.length; from += DELETE_AT_ONCE) {
        const askedAt = options.monotonicMs();
        if (epoch !== undefined && !(await options.holds(partition, epoch))) return;
        if (options.monotonicMs() - askedAt > TRUST_MS) return;
        const Objects = offsets
          .slice(from, from + DELETE_AT_ONCE)
          .map((offset) => ({ Key: keyOf(partition, offset) }));
        const Delete = { Objects, Quiet: true };
        const answer = await bucket
          .send((s3, limit) => s3.send(new sdk.DeleteObjectsCommand({ ...at, Delete }), limit))
          .catch((cause) => {
            throw away(`Removing from s3://${bucket.name}/${folderOf(partition)}`, cause);
          });
        const [error] = answer.Errors ?? [];
        if (error) throw away(`Removing ${error.Key}`, Object.assign(new Error(), { name: error.Code }));
      }
    },

    nameOf,
    close: () => bucket.close(),
  };
}

/** Offsets of the checkpoints under a folder's key, ascending. */
async function listOffsets(bucket: Bucket, Prefix: string): Promise<number[]> {
  const { sdk, name } = bucket;
  const found: number[] = [];
  let token: string | undefined;
  for (let page = 0; page === 0 || token !== undefined; page++) {
    invariant(page < MAX_PAGES, `the listing of ${Prefix} does not end`);
    const next = token === undefined ? {} : { ContinuationToken: token };
    const answer = await bucket.send((s3, limit) =>
      s3.send(new sdk.ListObjectsV2Command({ Bucket: name, Prefix, ...next }), limit),
    );
    for (const { Key = '' } of answer.Contents ?? []) {
      const digits = /\/(\d{16})\.ckpt$/.exec(Key)?.[1];
      if (digits !== undefined) found.push(Number(digits));
    }
    token = answer.NextContinuationToken;
  }
  return found.sort((a, b) => a - b);
}
