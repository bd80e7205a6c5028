import { afterEach, describe, expect, it } from 'vitest';
import type { ActCommand } from '../model/act.ts';
import { sampleAt, sampleRevision } from '../store/ledger/sample.ts';
import { type Fixture, openFixture } from './fixture.ts';
import { buildServer } from './server.ts';

const open: Fixture[] = [];
afterEach(async () => {
  for (const fixture of open.splice(0)) await fixture.remove();
});

/** A server whose fold does, or leaves, what it is given. */
async function served(
  fold: (id: string, act: ActCommand, fixture: Fixture) => Promise<void> = async () => {},
) {
  const put: { id: string; partition: number; act: ActCommand }[] = [];
  const fixture: Fixture = await openFixture({
    actWaitMs: 100,
    putAct: async (id, partition, act) => {
      if (await fixture.ledger.command(id)) return;
      await fixture.ledger.putCommand({ id, json: JSON.stringify({ act, partition }), at: sampleAt });
      put.push({ id, partition, act });
      await fold(id, act, fixture);
    },
  });
  open.push(fixture);
  await fixture.commit(
    sampleRevision({ alert: 'a1' }),
    sampleRevision({ alert: 'a1', revision: 2, event: 'updated' }),
  );
  const { app } = await buildServer(fixture.deps);
  const act = async (
    name: string,
    body: object | undefined,
    headers: Record<string, string> = {},
    id = 'a1',
  ) => {
    const answer = await app.inject({
      method: 'POST',
      url: `/api/v1/alerts/${id}/${name}`,
      headers: { 'if-match': '"2"', ...headers },
      ...(body === undefined ? {} : { payload: body }),
    });
    return { status: answer.statusCode, body: answer.json(), headers: answer.headers };
  };
  return { app, act, put, fixture };
}

/** Folds a cancel or an acknowledgement as the stream does. */
async function folded(
  command: string,
  { act, alert, by, revision }: ActCommand,
  { ledger, commit }: Fixture,
) {
  const ends = act === 'cancel';
  if (ends)
    await commit(sampleRevision({ alert, revision: revision + 1, event: 'ended', endReason: 'cancelled' }));
  const { epoch, offset } = await ledger.acquire(0);
  const outcome = { command, act, alert, by, at: sampleAt, revision: ends ? revision + 1 : revision };
  await ledger.commit([
    {
      partition: 0,
      epoch,
      from: offset,
      to: offset + 1,
      clockAt: sampleAt,
      revisions: [],
      acts: [{ offset, outcome }],
    },
  ]);
}

describe('acts of people on an alert', () => {
  it('answers with the alert when the fold has done it, and the same again under one key', async () => {
    const { act, put, app } = await served(folded);
    const headers = { 'idempotency-key': 'k1', 'atalaia-operator': 'Jo%C3%A3o' };
    const first = await act('cancel', { reason: 'gauge fault' }, headers);
    expect([first.status, first.body.state, first.body.endReason, first.headers.etag]).toEqual([
      200,
      'ended',
      'cancelled',
      '"3"',
    ]);
    expect(first.body.acts).toEqual([
      expect.objectContaining({ act: 'cancel', by: 'João', revision: 3, at: '2024-04-30T06:00:00Z' }),
    ]);
    const again = await act('cancel', { reason: 'gauge fault' }, headers);
    expect([again.status, again.body]).toEqual([200, first.body]);
    expect(put).toHaveLength(1);
    expect(put[0]).toMatchObject({
      partition: 0,
      act: { alert: 'a1', revision: 2, rule: 'chuva-intensa', by: 'João', reason: 'gauge fault' },
    });
    const other = await act('cancel', { reason: 'another' }, headers);
    expect([other.status, other.body.code]).toEqual([422, 'ATL_INPUT']);
    const plain = await app.inject('/api/v1/alerts/a1');
    expect(plain.json()).toEqual(first.body);
  });

  it('answers 202 with the command when the fold has not come there, and 200 under the key later', async () => {
    const { act, put, fixture } = await served();
    const headers = { 'idempotency-key': 'k2' };
    const taken = await act('acknowledge', undefined, headers);
    expect([taken.status, taken.body]).toEqual([202, { command: put[0]?.id }]);
    const { id, act: command } = put[0] as (typeof put)[number];
    await folded(id, command, fixture);
    expect((await act('acknowledge', undefined, headers)).status).toBe(200);
    expect(put).toHaveLength(1);
  });

  it('names the present revision when another one was seen, and writes nothing', async () => {
    const { act, put } = await served(folded);
    const { status, body, headers } = await act('cancel', { reason: 'x' }, { 'if-match': '"1"' });
    expect([status, body.code, body.revision, headers.etag]).toEqual([409, 'ATL_CONFLICT', 2, '"2"']);
    expect((await act('approve', undefined)).body.detail).toContain('nothing waits for approval');
    expect(put).toEqual([]);
  });

  it('hands on what the fold refused', async () => {
    const { act } = await served(async (command, { act: name, alert, by }, { ledger }) => {
      const { epoch, offset } = await ledger.acquire(0);
      const outcome = {
        command,
        act: name,
        alert,
        by,
        at: sampleAt,
        revision: 5,
        refused: 'revision',
      } as const;
      await ledger.commit([
        {
          partition: 0,
          epoch,
          from: offset,
          to: offset + 1,
          clockAt: sampleAt,
          revisions: [],
          acts: [{ offset, outcome }],
        },
      ]);
    });
    const { status, body } = await act('acknowledge', undefined);
    expect([status, body.revision]).toEqual([409, 5]);
  });

  it.each([
    ['edit', {}, 422],
    ['edit', { level: 'purple' }, 422],
    ['edit', { text: { 'pt-BR': 'Saia.' } }, 422],
    ['edit', { text: { 'pt-BR': 'Não é exercício: saia.', en: 'Leave.' } }, 422],
    [
      'edit',
      {
        area: {
          polygon: [
            [0, 0],
            [1, 1],
            [0, 1],
            [1, 0],
          ],
          name: 'knot',
        },
      },
      422,
    ],
    [
      'edit',
      {
        area: {
          polygon: [
            [0, 0],
            [0, 1],
          ],
          name: 'line',
        },
      },
      422,
    ],
    ['extend', { until: '2024-04-30T13:00:00Z' }, 422],
    ['extend', { until: '2034-04-30T13:00:00Z', reason: 'x' }, 422],
    ['extend', { until: '2024-04-30T07:00:00Z', reason: 'x' }, 409],
    ['cancel', undefined, 422],
    ['cancel', { reason: '  ' }, 422],
    ['acknowledge', { note: 'x' }, 422],
  ])('refuses %s %j with %i', async (name, body, expected) => {
    const { act, put } = await served(folded);
    expect((await act(name, body)).status).toBe(expected);
    expect(put).toEqual([]);
  });

  it('asks for the revision seen, in quotes', async () => {
    const { app, act } = await served(folded);
    for (const name of ['approve', 'acknowledge', 'edit', 'extend', 'cancel']) {
      const bare = await app.inject({ method: 'POST', url: `/api/v1/alerts/a1/${name}` });
      expect([bare.statusCode, bare.json().code]).toEqual([428, 'ATL_PRECONDITION_REQUIRED']);
      expect((await act(name, { reason: 'x' }, { 'if-match': '2' })).status).toBe(400);
      expect((await act(name, { reason: 'x' }, {}, 'zz')).status).toBe(404);
    }
  });
});
