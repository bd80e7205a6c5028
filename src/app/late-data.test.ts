import { expect, it } from 'vitest';
import { openCapGate } from '../alerts/cap/gate.ts';
import type { AlertRevision } from '../model/alert.ts';
import { MINUTE_MS } from '../model/time.ts';
import { commitAll } from '../store/ledger/sample.ts';
import { openSqliteLedger } from '../store/ledger/sqlite/ledger.ts';
import { Bench, hour, hourRule, rain, station } from '../stream/fixture.ts';
import { CapPublisher } from './cap/publisher.ts';

// Late data corrects the record (design section 5), and what was told in public is corrected with it.

/** Publishes the revisions; per alert its CAP messages as `Alert 1`, `Update 2 <- 1`, `Cancel 3 <- 1 2`. */
async function published(revisions: readonly AlertRevision[], stationId = 'A801'): Promise<string[]> {
  const ledger = await openSqliteLedger({ path: ':memory:' });
  await commitAll(ledger, revisions);
  const invalid: string[] = [];
  const publisher = new CapPublisher({
    ledger,
    gate: await openCapGate(),
    environment: 'exercise',
    server: { id: 'test', sender: 'test@example.org', name: 'Test' },
    baseUrl: () => 'http://127.0.0.1:1',
    rules: async () => [hourRule],
    place: ({ id }) => (id === stationId ? { station: station(id) } : undefined),
    onInvalid: (_alert, problems) => invalid.push(...problems),
  });
  const rows = await ledger.outbox(100);
  for (const { revision } of rows) await publisher.publish(revision);
  const names = new Map(
    [...new Set(revisions.map(({ event }) => event.alert))].map((id, i) => [id, 'ABC'[i]]),
  );
  const lines: string[] = [];
  for (const { event } of revisions) {
    const xml = (await ledger.cap(event.alert, event.revision))?.xml ?? '';
    const references = [...(/<references>(.*)<\/references>/.exec(xml)?.[1] ?? '').matchAll(/(\d+),[^ ]*/g)];
    const type = /<msgType>(.*)<\/msgType>/.exec(xml)?.[1];
    if (!type) continue;
    const earlier = references.map(([whole]) => /\.(\d+),/.exec(`.${whole}`)?.[1]).join(' ');
    lines.push(`${names.get(event.alert)} ${type} ${event.revision}${earlier ? ` <- ${earlier}` : ''}`);
  }
  await ledger.close();
  return [...invalid, ...lines];
}

it('a late raise is an Alert, a correction of the newest reading that lifts the level an Update', async () => {
  const bench = new Bench([hourRule]).feed(rain(1, 0), rain(3, 9));
  bench.feed(
    rain(2, 22, { receivedAt: hour(3) + MINUTE_MS }),
    rain(3, 70, { receivedAt: hour(3) + 2 * MINUTE_MS }),
  );
  expect(bench.events.map(({ event, level, late }) => [event, level, late])).toEqual([
    ['raised', 'yellow', true],
    ['escalated', 'red', undefined],
  ]);
  expect(await published(bench.revisions)).toEqual(['A Alert 1', 'A Update 2 <- 1']);
});

it('a correction that takes the ground away cancels', async () => {
  const bench = new Bench([hourRule]).feed(rain(1, 25), rain(1, 2, { receivedAt: hour(1) + MINUTE_MS }));
  expect(bench.story).toEqual(['raised yellow @1', 'ended:withdrawn yellow @1']);
  expect(await published(bench.revisions)).toEqual(['A Alert 1', 'A Cancel 2 <- 1']);
});

it('bridged episodes: the later is cancelled as merged, the earlier updated', async () => {
  const bench = new Bench([hourRule]).feed(rain(1, 25), rain(2, 0), rain(3, 0), rain(4, 25));
  bench.feed(rain(2, 25, { receivedAt: hour(4) + MINUTE_MS })).tick(hour(4) + 2 * MINUTE_MS);
  expect(bench.story.slice(3)).toEqual(['ended:merged yellow @4', 'updated yellow @4']);
  expect(await published(bench.revisions)).toEqual([
    'A Alert 1',
    'A Update 2 <- 1',
    'B Alert 1',
    'B Cancel 2 <- 1',
    'A Update 3 <- 1 2',
  ]);
});

it('a message that cannot be made is told, and holds nothing up', async () => {
  const bench = new Bench([hourRule]).feed(rain(1, 25));
  const [problem, ...messages] = await published(bench.revisions, 'B999');
  expect(problem).toContain('station A801');
  expect(messages).toEqual([]);
});
