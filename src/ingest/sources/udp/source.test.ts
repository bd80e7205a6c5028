import { createSocket } from 'node:dgram';
import { expect, test } from 'vitest';
import { openUdpSource, type UdpSourceEvent } from './source.ts';

async function send(port: number, texts: readonly string[]): Promise<void> {
  const socket = createSocket('udp4');
  for (const text of texts)
    await new Promise<void>((sent, failed) =>
      socket.send(text, port, '127.0.0.1', (error) => (error ? failed(error) : sent())),
    );
  socket.close();
}

const until = async (isTrue: () => boolean): Promise<void> => {
  for (let tries = 0; !isTrue() && tries < 500; tries++) await new Promise((done) => setTimeout(done, 5));
  expect(isTrue()).toBe(true);
};

test('datagrams come one after the other, in order', async () => {
  const heard: string[] = [];
  const source = await openUdpSource({
    host: '127.0.0.1',
    port: 0,
    onMessage: async ({ body }) => {
      await new Promise((done) => setTimeout(done, heard.length === 0 ? 20 : 0));
      heard.push(Buffer.from(body).toString());
    },
  });
  await send(source.port, ['a', 'b', 'c']);
  await until(() => heard.length === 3);
  expect(heard).toEqual(['a', 'b', 'c']);
  await source.close();
});

test('what cannot be held is dropped and told, and memory is bounded', async () => {
  const events: UdpSourceEvent[] = [];
  const held = Promise.withResolvers<void>();
  let taken = 0;
  const source = await openUdpSource({
    host: '127.0.0.1',
    port: 0,
    maxWaiting: 10,
    onMessage: async () => {
      await held.promise;
      taken++;
    },
    onEvent: (event) => events.push(event),
  });
  await send(
    source.port,
    Array.from({ length: 60 }, (_, index) => String(index)),
  );
  // What is sent is heard only when the loop turns.
  await new Promise((done) => setTimeout(done, 50));
  held.resolve();
  await until(() => events.some(({ kind }) => kind === 'dropped'));
  await source.close();
  const dropped = events.reduce((sum, event) => sum + (event.kind === 'dropped' ? event.datagrams : 0), 0);
  expect(taken).toBe(11);
  expect(dropped).toBe(49);
});

test('a message that cannot be taken is told', async () => {
  const events: UdpSourceEvent[] = [];
  const source = await openUdpSource({
    host: '127.0.0.1',
    port: 0,
    onMessage: () => Promise.reject(new Error('no room')),
    onEvent: (event) => events.push(event),
  });
  await send(source.port, ['a']);
  await until(() => events.length === 2);
  expect(events).toEqual([
    { kind: 'failed', failure: 'no room' },
    { kind: 'dropped', datagrams: 1 },
  ]);
  await source.close();
});

test('an address that is not ours is refused', async () => {
  const open = openUdpSource({ host: '192.0.2.1', port: 0, onMessage: async () => {} });
  await expect(open).rejects.toThrow(/UDP 192\.0\.2\.1:0 cannot be listened on/);
});
