import type { S3Client } from '@aws-sdk/client-s3';
import { AtalaiaError } from '../../../lib/errors.ts';

export type S3Sdk = typeof import('@aws-sdk/client-s3');

/** How to reach the bucket. What is left out the AWS SDK takes from the environment, the profile or the task's role. */
export interface S3Access {
  readonly bucket: string;
  /** Put before every key, with a slash between; none unless given. */
  readonly prefix?: string;
  readonly region?: string;
  /** Another address than AWS's own, for a private endpoint or an emulator; buckets then stand in the path. */
  readonly endpoint?: string;
}

/** S3 answers a request in well under a second; what takes longer is tried again. */
const ANSWER_MS = 10_000;
const CONNECT_MS = 3000;
const ATTEMPTS = 4;

/** What the bucket is for, in messages, and how long one request may take, ms. */
interface Use {
  readonly key: string;
  readonly what: string;
  readonly answerMs: number;
}
const checkpoints: Use = { key: 'checkpoints.bucket', what: 'Checkpoints are', answerMs: ANSWER_MS };

async function loadSdk({ what }: Use): Promise<S3Sdk> {
  try {
    return await import('@aws-sdk/client-s3');
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      `${what} to be on Amazon S3, but its client is not installed. Run \`npm install @aws-sdk/client-s3@3\`.`,
      { cause },
    );
  }
}

/** The client of one bucket, bounded in time and attempts. Every request that is made of it may be repeated. */
export class Bucket {
  readonly sdk: S3Sdk;
  readonly name: string;
  readonly #client: S3Client;
  readonly #answerMs: number;

  private constructor(sdk: S3Sdk, client: S3Client, name: string, answerMs: number) {
    this.sdk = sdk;
    this.#client = client;
    this.name = name;
    this.#answerMs = answerMs;
  }

  /** Rejects with ATL_CONFIG when the client is not installed, the bucket is not there or may not be read. */
  static async open({ bucket, region, endpoint }: S3Access, use = checkpoints): Promise<Bucket> {
    const sdk = await loadSdk(use);
    const client = new sdk.S3Client({
      maxAttempts: ATTEMPTS,
      requestHandler: { requestTimeout: use.answerMs, connectionTimeout: CONNECT_MS },
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    });
    const opened = new Bucket(sdk, client, bucket, use.answerMs);
    try {
      await opened.send((s3, options) =>
        s3.send(new sdk.ListObjectsV2Command({ Bucket: bucket, MaxKeys: 1 }), options),
      );
    } catch (cause) {
      client.destroy();
      throw new AtalaiaError(
        'ATL_CONFIG',
        `${use.key}: ${bucket} cannot be listed (${failureOf(cause)}). Name a bucket that is there, in the right region, and allow s3:ListBucket, GetObject, PutObject and DeleteObject on it.`,
        { cause },
      );
    }
    return opened;
  }

  send<T>(call: (client: S3Client, options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> {
    return call(this.#client, { abortSignal: AbortSignal.timeout(this.#answerMs * ATTEMPTS) });
  }

  close(): void {
    this.#client.destroy();
  }
}

/** The name of a failure, such as NoSuchKey or TimeoutError. */
export const failureOf = (error: unknown): string => (error instanceof Error ? error.name : 'Error');
