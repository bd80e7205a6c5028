import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AtalaiaError } from '../../../lib/errors.ts';
import { Bucket, failureOf, type S3Access } from '../../checkpoints/s3/client.ts';
import type { LakeMedium } from '../lake.ts';

/** One request may take so long, ms: a month of a large region is some hundred MB. */
const ANSWER_MS = 300_000;
/** S3 takes no more in one PutObject. */
const MAX_BYTES = 5 * 1024 ** 3;

/**
 * A lake in an S3 bucket, under a prefix. S3 puts an object whole or not at all. Rejects with ATL_CONFIG when the client is
 * not installed or the bucket may not be listed.
 */
export async function openS3Lake(access: S3Access): Promise<LakeMedium> {
  const bucket = await Bucket.open(access, { key: 'lake.to', what: 'The lake is', answerMs: ANSWER_MS });
  const { sdk } = bucket;
  const base = access.prefix ? `${access.prefix.replace(/\/+$/, '')}/` : '';
  const at = (name: string) => ({ Bucket: bucket.name, Key: `${base}${name}` });
  const nameOf = (name: string): string => `s3://${bucket.name}/${base}${name}`;
  const away = (what: string, cause: unknown): AtalaiaError =>
    new AtalaiaError(
      'ATL_STORE',
      `${what} failed (${failureOf(cause)}). Look whether S3 is reachable and the role allows it.`,
      { cause },
    );
  return {
    async put(name, file) {
      const { size } = await stat(file);
      if (size > MAX_BYTES)
        throw new AtalaiaError(
          'ATL_STORE',
          `${nameOf(name)} would have ${size} bytes; S3 takes ${MAX_BYTES} at once. Give the stations smaller regions.`,
        );
      try {
        await bucket.send((s3, limit) => {
          const Body = createReadStream(file);
          return s3.send(
            new sdk.PutObjectCommand({
              ...at(name),
              Body,
              ContentLength: size,
              ContentType: name.endsWith('.json') ? 'application/json' : 'application/vnd.apache.parquet',
            }),
            limit,
          );
        });
      } catch (cause) {
        throw away(`Writing ${nameOf(name)}`, cause);
      }
    },
    async get(name, file) {
      try {
        const { Body } = await bucket.send((s3, limit) => s3.send(new sdk.GetObjectCommand(at(name)), limit));
        await pipeline(Body instanceof Readable ? Body : Readable.from([]), createWriteStream(file));
        return true;
      } catch (cause) {
        if (failureOf(cause) === 'NoSuchKey') return false;
        throw away(`Reading ${nameOf(name)}`, cause);
      }
    },
    async remove(name) {
      await bucket
        .send((s3, limit) => s3.send(new sdk.DeleteObjectCommand(at(name)), limit))
        .catch((cause) => {
          throw away(`Removing ${nameOf(name)}`, cause);
        });
    },
    nameOf,
    close: () => bucket.close(),
  };
}
