import { afterEach, expect, test } from 'vitest';
import { openReceiver } from '../../delivery/channels/fixture.ts';
import { createDispatcher, type DispatcherOptions } from '../../delivery/dispatcher.ts';
import { START, subscription, world } from '../../delivery/fixture.ts';
import { seededRandom } from '../../lib/random.ts';
import type { Config } from '../config/schema.ts';
import { ChannelWatch, createDesk } from './delivery-desk.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function open() {
  const receiver = await openReceiver(() => ({ status: 200, body: 'ok' }));
  closers.push(receiver.close);
  const { ledger, clock, pass, add, trouble } = await world([
    subscription('ana', { address: 'ana@example.com' }),
  ]);
  const config = {
    // The real thing: a test must be one all the same.
    environment: 'actual',
    server: { id: 'rs', sender: 'alertas@example.org', name: 'Defesa Civil RS' },
    cap: {},
    channels: {
      chat: { kind: 'slack', url: `${receiver.url}/`, language: 'pt-BR', allowPrivate: true },
      civil: { kind: 'cap', url: `${receiver.url}/`, allowPrivate: true },
      ops: { kind: 'webhook', url: `${receiver.url}/`, allowPrivate: true },
    },
  } as unknown as Config;
  const watch = new ChannelWatch(clock);
  const by: DispatcherOptions = {
    ...{ ledger, clock, channels: new Map(), random: seededRandom(1), body: () => '{}' },
  };
  const dispatcher = createDispatcher(by);
  return {
    receiver,
    ledger,
    pass,
    add,
    trouble,
    watch,
    desk: createDesk({ config, ledger, clock, watch, dispatcher, by }),
  };
}

test('a test on a real server is marked as one, on chats and in CAP', async () => {
  const { desk, receiver } = await open();
  expect(await desk.test('chat', 'k1', {})).toMatchObject({ outcome: 'delivered', key: 'test.k1' });
  expect(receiver.seen[0]?.body.toString()).toMatch(/TESTE: [^"]*Mensagem de teste do Atalaia/);
  await desk.test('chat', 'k2', { language: 'en' });
  expect(receiver.seen[1]?.body.toString()).toMatch(/TEST: [^"]*Test message of Atalaia/);
  expect(await desk.test('civil', 'k3', {})).toMatchObject({ outcome: 'delivered' });
  expect(receiver.seen[2]?.body.toString()).toMatch(/<status>Test<\/status>/);
  await expect(desk.test('none', 'k4', {})).rejects.toMatchObject({ code: 'ATL_NOT_FOUND' });
});

test('a channel tells its last failure, seen or kept, without addresses', async () => {
  const { desk, ledger, pass, add, trouble, watch } = await open();
  trouble.answer = () => ({ kind: 'rejected', reason: '550 <ana@example.com> unknown' });
  await add({ alert: 'a1' });
  await pass(2000);
  const ops = async () => (await desk.channels()).find(({ name }) => name === 'ops');
  expect(await ops()).toMatchObject({ dead: 1, sent: 0, circuit: 'closed' });
  expect((await ops())?.lastFailure).toEqual({ at: expect.any(Number), reason: '550 <…> unknown' });
  const [delivery] = await ledger.deliveries({ limit: 1 });
  if (!delivery) throw new Error('no delivery');
  watch.heard({ kind: 'retry', delivery, reason: 'HTTP 503 of ana@example.com', inMs: 1 });
  expect((await ops())?.lastFailure).toEqual({ at: START + 2000, reason: 'HTTP 503 of …' });
});
