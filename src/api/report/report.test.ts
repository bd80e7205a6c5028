import { afterEach, beforeEach, expect, test } from 'vitest';
import { sampleAt, sampleRevision, sampleSubscription } from '../../store/ledger/sample.ts';
import { type Fixture, openFixture } from '../fixture.ts';
import { buildServer } from '../server.ts';

let fixture: Fixture;
let app: Awaited<ReturnType<typeof buildServer>>['app'];
const hostile = '<script>alert("x")</script>\u0000 & \'"><svg onload=1>';

beforeEach(async () => {
  fixture = await openFixture();
  fixture.stations[0] = { ...(fixture.stations[0] as (typeof fixture.stations)[0]), name: hostile };
  app = (await buildServer(fixture.deps)).app;
  const { ledger } = fixture;
  await fixture.commit(
    sampleRevision({ alert: 'a1' }),
    sampleRevision(
      { alert: 'a1', revision: 2, event: 'updated', issuedAt: sampleAt + 60_000 },
      { act: { command: 'c1', act: 'edit', by: 'Ana <b>', reason: hostile }, text: `Saia. ${hostile}` },
    ),
  );
  const { epoch, offset: from } = await ledger.acquire(0);
  const outcome = {
    command: 'c1',
    act: 'edit',
    alert: 'a1',
    by: 'Ana <b>',
    at: sampleAt,
    revision: 2,
  } as const;
  const acts = [{ offset: from, outcome }];
  await ledger.commit([{ partition: 0, epoch, from, to: from + 1, revisions: [], clockAt: sampleAt, acts }]);
  const [row] = await ledger.outbox(1);
  const subscription = { ...sampleSubscription('s'), name: hostile, address: 'ana@example.org' };
  const seq = row?.revision.seq as number;
  await ledger.expand([{ seq, deliveries: [{ subscription, destination: 'ops' }] }], sampleAt);
  await ledger.settle([{ key: 'a1.1.s', state: 'delivered', at: sampleAt + 9000 }]);
  await ledger.putFeedback({ alert: 'a1', wasReal: 'partly', note: hostile, by: 'Rui', at: sampleAt });
  const xml = { xml: '<alert/>', createdAt: sampleAt, sentText: '2024-04-30T03:00:01-03:00' };
  await ledger.putCap({ alert: 'a1', revision: 1, identifier: 'atalaia-exercise-a1-1', ...xml });
});
afterEach(async () => {
  await app.close();
  await fixture.remove();
});

const get = (path: string, accept?: string) =>
  app.inject({ url: `/api/v1/alerts/${path}`, headers: accept === undefined ? {} : { accept } });

test('the report says everything on record, in both languages, as well-formed HTML without anything active', async () => {
  const answer = await get('a1/report?language=en');
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(answer.headers['content-security-policy']).toMatch(
    /^default-src 'none'; style-src 'unsafe-inline';/,
  );
  const html = answer.body;
  const [{ hash } = { hash: '' }] = await fixture.ledger.audit({ limit: 1 });
  expect(hash).toHaveLength(64);
  const said = [
    ...['EXERCISE', 'Timeline', '30/04/2024, 03:00:01', 'Evidence', '62.4 mm', 'edited', 'Ana &lt;b&gt;'],
    ...[
      'delivered',
      '30/04/2024, 03:00:09',
      'in part',
      'atalaia-exercise-a1-1',
      `audit verify --head ${hash}`,
    ],
    ...['America/Sao_Paulo', 'in force', '<rect x=', 'f'.repeat(64)],
  ];
  for (const text of said) expect(html).toContain(text);
  expect(html).not.toMatch(/<script|<svg onload|ana@example\.org/);
  // Every element and attribute that there is is one that we write; all else is text.
  const tags = [...html.matchAll(/<(!?\/?[a-z0-9]+)([^>]*)>/g)];
  expect(tags.length).toBe(html.split('<').length - 1);
  const names = new Set(tags.map(([, name = '']) => name.replace('/', '')));
  const known =
    'body caption dd dl doctype dt figcaption figure footer h1 h2 head html main meta p path rect style svg table tbody td text th thead title tr';
  expect([...names].filter((name) => !known.split(' ').includes(name.replace('!', '')))).toEqual([]);
  const attributes = new Set(
    tags.flatMap(([, , rest = '']) => [...rest.matchAll(/ ([a-zA-Z-]+)="/g)].map(([, key]) => key)),
  );
  expect([...attributes].filter((key) => /^(on|style|href|src)/.test(key as string))).toEqual([]);
  const portuguese = (await get('a1/report?language=pt-BR')).body;
  const told = ['EXERCÍCIO', 'Linha do tempo', '62,4 mm', 'entregue', 'em parte', 'editou'];
  for (const text of told) expect(portuguese).toContain(text);
  expect(portuguese).toContain('lang="pt-BR"');
  expect((await get('a1/report')).body).toContain('Timeline');
});

test('the same as PDF, by name and by Accept; a browser gets HTML', async () => {
  for (const answer of [await get('a1/report.pdf'), await get('a1/report', 'application/pdf')]) {
    expect(answer.headers['content-type']).toBe('application/pdf');
    expect(answer.headers['content-disposition']).toBe('inline; filename="a1-2.pdf"');
    expect(answer.rawPayload.subarray(0, 8).toString()).toBe('%PDF-1.4');
    expect(answer.rawPayload.subarray(-6).toString()).toBe('%%EOF\n');
  }
  const browser = await get('a1/report', 'text/html,application/xhtml+xml,*/*;q=0.8');
  expect(browser.headers['content-type']).toBe('text/html; charset=utf-8');
  expect((await get('none/report')).statusCode).toBe(404);
  expect((await get('a1/report?language=xx')).statusCode).toBe(400);
});

test('a long history is told to its end: the newest rows, and that there are more', async () => {
  const many = Array.from({ length: 600 }, (_, i) =>
    sampleRevision({
      alert: 'a2',
      revision: i + 1,
      event: i === 0 ? 'raised' : 'updated',
      issuedAt: sampleAt + i * 1000,
    }),
  );
  await fixture.commit(...many);
  const { body } = await get('a2/report?language=en');
  expect(body).toContain('Timeline (the newest 500 of 600; 100 more not shown)');
  const pdf = (await get('a2/report.pdf')).rawPayload.toString('latin1');
  expect(Number(/\/Count (\d+)/.exec(pdf)?.[1])).toBeGreaterThan(5);
});

test('says how many deliveries there are beyond those it lists, of all that were made', async () => {
  const { ledger } = fixture;
  for (const { revision } of await ledger.outbox(10)) {
    const deliveries = Array.from({ length: 1100 }, (_, i) => ({
      subscription: sampleSubscription(`r${i}`),
      destination: 'ops',
    }));
    await ledger.expand([{ seq: revision.seq, deliveries }], sampleAt);
  }
  expect((await get('a1/report?language=en')).body).toContain('the newest 500 of 1101; 601 more not shown');
  expect((await get('a1/report?language=pt-BR')).body).toContain('os 500 mais novos de 1101; mais 601');
});
