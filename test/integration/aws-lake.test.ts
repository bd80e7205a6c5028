import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLake } from '../../src/app/lake/open.ts';
import { writeLake } from '../../src/app/lake/write.ts';
import { batch, observation } from '../../src/store/archive/conformance.ts';
import { openDuckdbArchive } from '../../src/store/archive/duckdb/archive.ts';
import { MotoServer, whyNoMoto } from '../servers/moto.ts';

// The lake in a bucket, against an emulator.

const reason = whyNoMoto();
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const before = { ...process.env };
let server: MotoServer;
let s3: S3Client;
let data: string;

beforeAll(async () => {
  if (reason !== undefined) return;
  server = await MotoServer.start();
  Object.assign(process.env, server.env);
  s3 = new S3Client({ region: 'us-east-1', endpoint: server.endpoint, credentials, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: 'atalaia-lake' }));
  data = mkdtempSync(join(tmpdir(), 'atalaia-s3-lake-'));
});
afterAll(async () => {
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION']) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
  s3?.destroy();
  await server?.stop();
  if (data) rmSync(data, { recursive: true, force: true });
});

describe.skipIf(reason !== undefined)(`a lake on S3${reason ? ` (${reason})` : ''}`, () => {
  const keys = async (): Promise<unknown[]> =>
    ((await s3.send(new ListObjectsV2Command({ Bucket: 'atalaia-lake' }))).Contents ?? []).map(
      ({ Key }) => Key,
    );

  test('files by month and region, replaced, removed and read back', async () => {
    const medium = await openLake({
      to: 's3://atalaia-lake/weather/br',
      region: 'us-east-1',
      endpoint: server.endpoint,
    });
    const archive = await openDuckdbArchive({ path: join(data, 'archive.duckdb') });
    const write = (regions: ReadonlyMap<string, string>) =>
      writeLake({
        ...{ archive, format: 'parquet', regions, medium, server: 'here', work: join(data, 'work'), now: 0 },
      });
    const folder = 'weather/br/observations/year=2024/month=04';
    try {
      await archive.commit([batch(0, 1, [observation(1, 1500)])]);
      expect(await write(new Map())).toMatchObject({ files: 1, rows: 1 });
      expect(await write(new Map())).toMatchObject({ files: 0, unchanged: 1 });
      expect(await keys()).toEqual([
        'weather/br/manifest.json',
        `${folder}/region=__HIVE_DEFAULT_PARTITION__/part-0.parquet`,
      ]);
      await archive.commit([batch(1, 2, [observation(2, 2500)])]);
      await write(new Map([['A801', 'São João']]));
      const now = `${folder}/region=S%C3%A3o%20Jo%C3%A3o/part-0.parquet`;
      expect(await keys()).toEqual(['weather/br/manifest.json', now]);
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'atalaia-lake', Key: now }));
      const bytes = await Body?.transformToByteArray();
      const copy = join(data, 'manifest.json');
      expect(await medium.get('manifest.json', copy)).toBe(true);
      expect(JSON.parse(readFileSync(copy, 'utf8')).months[0].files[0].sha256).toBe(
        createHash('sha256')
          .update(bytes as Uint8Array)
          .digest('hex'),
      );
      expect(await medium.get('nothing', copy)).toBe(false);
      await medium.remove('nothing');
    } finally {
      await archive.close();
      medium.close();
    }
  });

  test('a bucket that is not there is refused by the key of the configuration', async () => {
    const there = { region: 'us-east-1', endpoint: server.endpoint };
    const refused = openLake({ to: 's3://no-such-bucket', ...there });
    await expect(refused).rejects.toMatchObject({
      code: 'ATL_CONFIG',
      message: expect.stringContaining('lake.to: no-such-bucket'),
    });
  });
});
