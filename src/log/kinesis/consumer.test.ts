import { expect, test } from 'vitest';
import { sleep, systemClock } from '../../lib/clock.ts';
import type { LeaseTable } from '../../store/ledger/coordination.ts';
import { memoryCoordination } from '../../store/ledger/memory-coordination.ts';
import { eventually } from '../conformance-membership.ts';
import type { Api } from './client.ts';
import { Consumer } from './consumer.ts';

const LEASE_MS = 300;

/** The service's consumers of one stream, as far as they matter here: each registration has an address of its own. */
class Registry {
  readonly addresses = new Map<string, string>();
  refuseWith = '';
  #made = 0;

  get api(): Api {
    const command = (kind: string) =>
      class {
        readonly kind = kind;
        readonly name: string;
        constructor({ ConsumerName = '' }: { ConsumerName?: string }) {
          this.name = ConsumerName;
        }
      };
    const sdk = Object.fromEntries(
      [
        'DescribeStreamConsumer',
        'RegisterStreamConsumer',
        'DeregisterStreamConsumer',
        'ListStreamConsumers',
      ].map((kind) => [`${kind}Command`, command(kind)]),
    );
    const client = {
      send: async ({ kind, name }: { kind: string; name: string }) => this.#answer(kind, name),
    };
    const send = (call: (given: typeof client, options: object) => unknown) => call(client, {});
    return { clock: systemClock, sdk, send } as unknown as Api;
  }

  #answer(kind: string, name: string): object {
    if (this.refuseWith !== '') throw Object.assign(new Error('refused'), { name: this.refuseWith });
    const address = this.addresses.get(name);
    if (kind === 'ListStreamConsumers')
      return { Consumers: [...this.addresses.keys()].map((ConsumerName) => ({ ConsumerName })) };
    if (kind === 'RegisterStreamConsumer') this.addresses.set(name, `${name}#${++this.#made}`);
    else if (!address) throw Object.assign(new Error('none'), { name: 'ResourceNotFoundException' });
    else if (kind === 'DeregisterStreamConsumer') this.addresses.delete(name);
    return { ConsumerDescription: { ConsumerStatus: 'ACTIVE', ConsumerARN: address } };
  }
}

function consumerOf(registry: Registry, leases: LeaseTable, leaseMs = LEASE_MS) {
  const told: (boolean | string)[] = [];
  const consumer = new Consumer({
    ...{ api: registry.api, stream: 's', streamArn: 'arn:s', name: 'a', leases, leaseMs },
    onChange: (has) => void told.push(has),
    onFailure: (failure) => void told.push(failure),
  });
  return { consumer, told };
}

test('while the ledger is away the name stays, for longer than its lease', async () => {
  const { leases } = memoryCoordination(systemClock);
  let isAway = false;
  const renew: LeaseTable['renew'] = (...given) =>
    isAway ? Promise.reject(new Error('away')) : leases.renew(...given);
  const take: LeaseTable['take'] = (...given) =>
    isAway ? Promise.reject(new Error('away')) : leases.take(...given);
  const { consumer, told } = consumerOf(new Registry(), { ...leases, renew, take });
  await consumer.open();
  isAway = true;
  await eventually(() => told.length > 4, true);
  expect(told).toEqual(told.map(() => 'Error'));
  expect(consumer.arn).toBe('a-1#1');
  isAway = false;
  await consumer.close();
});

test('one whose lease another process took meanwhile reads under another name, registered anew', async () => {
  const { leases } = memoryCoordination(systemClock);
  const registry = new Registry();
  let isAway = false;
  const stalled =
    <Given extends unknown[], Result>(call: (...given: Given) => Promise<Result>) =>
    (...given: Given): Promise<Result> =>
      isAway ? Promise.reject(new Error('away')) : call(...given);
  const { consumer } = consumerOf(registry, {
    ...leases,
    ...{ list: stalled(leases.list), take: stalled(leases.take), renew: stalled(leases.renew) },
  });
  await consumer.open();
  isAway = true;
  while ((await leases.take('other', ['s/:consumer/a/1'], 60_000)).length === 0)
    await sleep(systemClock, LEASE_MS / 10);
  isAway = false;
  await eventually(() => consumer.arn, 'a-2#2');
  await consumer.close();
  // What the other one reads by was left alone.
  expect([...registry.addresses.keys()]).toEqual(['a-1']);
});

test('one that is gone is registered again under the same name; what is told of an earlier address is old', async () => {
  const { leases } = memoryCoordination(systemClock);
  const registry = new Registry();
  const { consumer, told } = consumerOf(registry, leases, 20 * LEASE_MS);
  await consumer.open();
  registry.addresses.clear();
  consumer.gone('a-1#0');
  expect(consumer.arn).toBe('a-1#1');
  consumer.gone('a-1#1');
  consumer.gone('a-1#1');
  expect(consumer.arn).toBeUndefined();
  await eventually(() => consumer.arn, 'a-1#2');
  expect(told).toEqual([false, true]);
  await consumer.close();
  expect(registry.addresses.size).toBe(0);
});

test('one that is gone is missed without being told', async () => {
  const { leases } = memoryCoordination(systemClock);
  const registry = new Registry();
  const { consumer, told } = consumerOf(registry, leases, 4 * LEASE_MS);
  await consumer.open();
  registry.addresses.clear();
  await eventually(() => consumer.arn, 'a-1#2');
  expect(told).toEqual([false, true]);
  await consumer.close();
});

test('a service that refuses for good is told with a remedy; one that is busy is asked again', async () => {
  const { leases } = memoryCoordination(systemClock);
  const registry = new Registry();
  registry.refuseWith = 'AccessDeniedException';
  await expect(consumerOf(registry, leases).consumer.open()).rejects.toMatchObject({
    code: 'ATL_CONFIG',
    message: expect.stringContaining('leave log.consumer out'),
  });
  registry.refuseWith = 'LimitExceededException';
  const { consumer, told } = consumerOf(registry, leases);
  await consumer.open();
  expect([consumer.arn, told.slice(0, 2)]).toEqual([undefined, ['LimitExceededException', false]]);
  registry.refuseWith = '';
  await eventually(() => consumer.arn, 'a-1#1');
  expect(told.at(-1)).toBe(true);
  await consumer.close();
  expect(registry.addresses.size).toBe(0);
});
