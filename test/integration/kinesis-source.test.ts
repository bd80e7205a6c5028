import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type KinesisSource,
  type KinesisSourceEvent,
  type KinesisSourceOptions,
  openKinesisSource,
} from '../../src/ingest/sources/kinesis/source.ts';
import { KinesisServer, whyNoKinesis } from '../servers/kinesis.ts';
import { Program, root, temporaryFolder, until } from './server.ts';

const reason = whyNoKinesis();

describe.skipIf(reason !== undefined)(
  `records of a stream of others${reason ? ` (skipped: ${reason})` : ''}`,
  () => {
    let server: KinesisServer;
    let stream = '';
    let streams = 0;
    const marks = new Map<string, string>();
    const opened = new Set<KinesisSource>();
    beforeAll(async () => {
      server = await KinesisServer.start();
    }, 120_000);
    afterAll(() => server?.stop());
    beforeEach(async () => {
      stream = `foreign-${streams++}`;
      marks.clear();
      await server.admin(async (client, sdk) => {
        await client.send(new sdk.CreateStreamCommand({ StreamName: stream, ShardCount: 2 }));
      });
      // It has its shards before it takes records.
      const isActive = (): Promise<boolean> =>
        server.admin(async (client, sdk) => {
          const asked = new sdk.DescribeStreamSummaryCommand({ StreamName: stream });
          return (await client.send(asked)).StreamDescriptionSummary?.StreamStatus === 'ACTIVE';
        });
      await until(isActive, 10_000, 'the stream');
    });
    afterEach(async () => {
      await Promise.all([...opened].map((source) => source.close()));
      opened.clear();
    });

    const open = async (more: Partial<KinesisSourceOptions>): Promise<KinesisSource> => {
      const source = await openKinesisSource({
        ...server.access,
        stream,
        from: 'oldest',
        load: async (shard) => marks.get(shard),
        save: async (shard, mark) => void marks.set(shard, mark),
        onMessage: async () => undefined,
        ...more,
      });
      opened.add(source);
      return source;
    };
    const send = (texts: readonly string[], key = 'one'): Promise<void> =>
      server.admin(async (client, sdk) => {
        for (const text of texts)
          await client.send(
            new sdk.PutRecordCommand({ StreamName: stream, Data: Buffer.from(text), PartitionKey: key }),
          );
      });
    const taking = (into: string[]) => ({
      onMessage: async ({ body }: { body: Uint8Array }) => void into.push(Buffer.from(body).toString()),
    });

    test('come in the order of their shard; who comes after begins behind them', async () => {
      const seen: string[] = [];
      await send(['1', '2', '3']);
      const source = await open(taking(seen));
      await until(() => seen.length === 3, 20_000, 'all');
      await until(() => marks.size > 0, 5000, 'the mark');
      await source.close();
      await send(['4']);
      await open(taking(seen));
      await until(() => seen.length === 4, 20_000, 'the next');
      expect(seen).toEqual(['1', '2', '3', '4']);
    });

    test('who begins at the newest and is stopped before the first record came passes over nothing that comes then', async () => {
      const seen: string[] = [];
      await send(['before']);
      const source = await open({ from: 'newest', ...taking(seen) });
      await until(() => marks.size === 2, 20_000, 'the marks');
      expect([...marks.values()].every((mark) => mark.startsWith('since:'))).toBe(true);
      await source.close();
      await send(['while away']);
      await open({ from: 'newest', ...taking(seen) });
      await until(() => seen.includes('while away'), 20_000, 'what came meanwhile');
    });

    test('what cannot be taken is told, comes again, and holds up no other shard', async () => {
      const seen: string[] = [];
      const events: KinesisSourceEvent[] = [];
      let failures = 2;
      await send(['bad']);
      await send(Array.from({ length: 20 }, (_, i) => `${i}`).slice(0, 1), 'two');
      await open({
        onMessage: async ({ body }) => {
          const text = Buffer.from(body).toString();
          if (text === 'bad' && failures-- > 0) throw new Error('not yet');
          seen.push(text);
        },
        onEvent: (event) => void events.push(event),
      });
      await until(() => seen.includes('bad') && seen.includes('0'), 30_000, 'both');
      expect(events[0]).toMatchObject({ kind: 'unreachable', failure: expect.stringContaining('not yet') });
      await until(() => events.at(-1)?.kind === 'reachable', 10_000, 'it to be well again');
    });

    test('over a split the children come when the parent is read, and nothing of them is passed over', async () => {
      const seen: string[] = [];
      const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
      for (const key of keys) await send([`before ${key}`], key);
      await server.splitFirst(stream);
      for (const key of keys) await send([`after ${key}`], key);
      await open(taking(seen));
      await until(() => seen.length === 2 * keys.length, 30_000, 'all');
      for (const key of keys)
        expect(seen.indexOf(`before ${key}`)).toBeLessThan(seen.indexOf(`after ${key}`));
      // The end of the parent is written down after its last record was taken.
      const ends = (): number => [...marks.values()].filter((mark) => mark === 'end').length;
      await until(() => ends() === 1, 10_000, 'the end of the parent');
    });

    test('a stream that is not there is refused with what to do', async () => {
      await expect(open({ stream: 'nowhere' })).rejects.toMatchObject({
        code: 'ATL_CONFIG',
        message: expect.stringContaining('Name a stream that is there'),
      });
    });

    test('a whole process takes in what a producer wrote, in its own format, and goes on where it was', async () => {
      const folder = temporaryFolder();
      const hour = `${new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000).toISOString().slice(0, 13)}:00:00Z`;
      writeFileSync(
        join(folder.path, 'atalaia.yaml'),
        `environment: exercise
rules: [${join(root, 'rules/inmet')}]
stations: { unknown: accept }
sources: [ { kind: kinesis, stream: ${stream}, region: us-east-1, endpoint: "${server.access.endpoint}", format: lorawan } ]
`,
      );
      const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
      const uplink = (eui: string, temperature: number): string =>
        JSON.stringify({ deviceInfo: { devEui: eui }, time: hour, object: { air_temperature: temperature } });
      const latest = async (url: string, eui: string): Promise<number | undefined> => {
        const answer = await fetch(`${url}/api/v1/stations/lorawan:${eui}`);
        const body = (await answer.json()) as { latest?: { airTemperature?: { value: number } } };
        return body.latest?.airTemperature?.value;
      };
      await send([uplink('AA01', 12.5), 'no JSON']);
      for (const [eui, value] of [
        ['AA01', 12.5],
        ['AA02', 7],
      ] as const) {
        const program = new Program(['start', '--port', '0'], { cwd: folder.path, env });
        try {
          const url = await program.listening();
          if (eui === 'AA02') await send([uplink('AA02', 7)]);
          await until(async () => (await latest(url, eui)) === value, 60_000, `${eui}`);
          const held = (await (await fetch(`${url}/api/v1/quarantine`)).json()) as { items: unknown[] };
          // The second run did not read the first records again.
          expect(held.items).toHaveLength(1);
          expect(await program.signal('SIGTERM'), program.stderr).toBe(0);
        } finally {
          if (!program.hasEnded) await program.signal('SIGKILL');
        }
      }
      folder.remove();
    });
  },
);
