import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDispatcher, type Dispatcher } from '../../src/delivery/dispatcher.ts';
import { createPeopleChannel } from '../../src/delivery/people.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { seededRandom } from '../../src/lib/random.ts';
import type { Directory } from '../../src/model/roster.ts';
import type { Ledger } from '../../src/store/ledger/ledger.ts';
import { openPostgresLedger } from '../../src/store/ledger/postgresql/ledger.ts';
import { raise, sampleSubscription } from '../../src/store/ledger/sample.ts';
import { PEOPLE, type Subscription } from '../../src/store/ledger/subscription.ts';
import { findPostgresql, PostgresqlServer, postgresqlHint } from '../servers/postgresql.ts';
import { pause, until } from './server.ts';

// Two dispatchers, each with a connection of its own, as two processes that share a ledger: a ladder is climbed once.

const STEP_MS = 3000;
const names = ['ana', 'bia', 'caio', 'davi'];
const directory: Directory = {
  people: Object.fromEntries(names.map((name) => [name, { name, contacts: [{ channel: 'ops' }] }])),
  groups: {},
  rosters: {},
};
const ladder: Subscription = {
  ...sampleSubscription('d'),
  ...{ level: 'orange', channel: PEOPLE },
  ladder: {
    steps: ['ana', 'bia', 'caio'].map((person) => ({ to: { person }, afterMs: STEP_MS })),
    rounds: 1,
    last: { person: 'davi' },
  },
};

describe.skipIf(!findPostgresql())(`a ladder in two processes on PostgreSQL${postgresqlHint}`, () => {
  let server: PostgresqlServer;
  const running: Dispatcher[] = [];
  const ledgers: Ledger[] = [];
  beforeAll(async () => {
    server = await PostgresqlServer.start();
  });
  afterAll(async () => {
    await Promise.all(running.map((one) => one.stop()));
    await Promise.all(ledgers.map((one) => one.close()));
    await server?.stop();
  });

  const open = async (): Promise<Ledger> => {
    const ledger = await openPostgresLedger({ url: server.url });
    ledgers.push(ledger);
    return ledger;
  };

  test('each step is told once, by one of them, and none after the answer', async () => {
    const keys: string[] = [];
    const own = await open();
    await own.putSubscriptions('config', [ladder]);
    const dispatch = async (claimer: string): Promise<Dispatcher> => {
      const ops = {
        deliver: async ({ key }: { readonly key: string }) => {
          keys.push(key);
          return { kind: 'delivered' } as const;
        },
        close: async () => {},
      };
      const channels = new Map([['ops', ops]]);
      const parts = { directory, clock: systemClock, random: seededRandom(1) };
      const people = createPeopleChannel({ ...parts, channels, timeoutMs: 5000 });
      const dispatcher = createDispatcher({
        ...parts,
        ledger: await open(),
        claimer,
        channels: new Map([...channels, [PEOPLE, people]]),
        body: () => '{}',
        pollMs: 50,
      });
      running.push(dispatcher);
      dispatcher.start();
      return dispatcher;
    };
    const first = await dispatch('one');
    await dispatch('two');

    const { epoch } = await own.acquire(0);
    const put = async (offset: number, alert: string): Promise<void> => {
      const revision = raise(alert, { level: 'orange', issuedAt: Date.now() });
      const range = { partition: 0, epoch, from: offset, to: offset + 1, clockAt: Date.now() };
      await own.commit([{ ...range, revisions: [{ offset, index: 0, revision }] }]);
    };
    const told = (key: string) => (): boolean => keys.includes(key);
    await put(0, 'answered');
    await until(told('answered.1.d~02.bia.1'), 60_000, 'the second step');
    const outcome = {
      command: 'c',
      act: 'acknowledge',
      alert: 'answered',
      by: 'Ana',
      at: Date.now(),
    } as const;
    const range = { partition: 0, epoch, from: 1, to: 2, clockAt: Date.now() };
    await own.commit([
      { ...range, revisions: [], acts: [{ offset: 1, outcome: { ...outcome, revision: 1 } }] },
    ]);
    await put(2, 'unheard');
    await until(told('unheard.1.d~02.bia.1'), 60_000, 'the second step of the other alert');
    // One of the two goes; the other goes on.
    await first.stop();
    await until(told('unheard.1.d~04.davi.1'), 60_000, 'the last resort');
    await pause(STEP_MS);
    expect(keys).toEqual([
      ...['answered.1.d~01.ana.1', 'answered.1.d~02.bia.1'],
      ...['unheard.1.d~01.ana.1', 'unheard.1.d~02.bia.1', 'unheard.1.d~03.caio.1', 'unheard.1.d~04.davi.1'],
    ]);
    const notes = (await own.audit({ after: 0, limit: 100 })).map(
      ({ json }) => JSON.parse(json) as { readonly action: string; readonly subject: string },
    );
    expect(notes.filter(({ action }) => action === 'escalation.unanswered')).toMatchObject([
      { subject: 'unheard' },
    ]);
  }, 240_000);
});
