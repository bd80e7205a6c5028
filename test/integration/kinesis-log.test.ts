import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { logConformance } from '../../src/log/conformance.ts';
import { openKinesisLog } from '../../src/log/kinesis/kinesis-log.ts';
import { memoryOffsetIndex } from '../../src/log/kinesis/offset-index.ts';
import { KinesisServer, whyNoKinesis } from '../servers/kinesis.ts';

const reason = whyNoKinesis();
let server: KinesisServer;
let streams = 0;

describe.skipIf(reason !== undefined)(`the log on AWS Kinesis${reason ? ` (${reason})` : ''}`, () => {
  beforeAll(async () => {
    server = await KinesisServer.start();
  });
  afterAll(() => server?.stop());

  let index = memoryOffsetIndex();
  const open = (stream: string, more: object = {}) =>
    openKinesisLog({ ...server.access, stream, partitions: 4, shards: 2, pollMs: 10, index, ...more });

  logConformance('AWS Kinesis, two shards', {
    open: () => {
      index = memoryOffsetIndex();
      return open(`conformance-${++streams}`);
    },
    reopen: () => open(`conformance-${streams}`),
    cleanup: async () => {},
  });

  test('another number of partitions is refused, and names both', async () => {
    await (await open('counted')).close();
    await expect(open('counted', { partitions: 5 })).rejects.toMatchObject({
      code: 'ATL_CONFIG',
      message: expect.stringMatching(/\b4\b.*\b5\b/),
    });
  });
});
