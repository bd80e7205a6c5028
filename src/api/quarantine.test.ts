import { expect, it } from 'vitest';
import { openFixture } from './fixture.ts';
import { buildServer } from './server.ts';

it('shows what was put in quarantine, oldest first', async () => {
  const { deps, ledger, remove } = await openFixture();
  const { app } = await buildServer(deps);
  const at = Date.UTC(2024, 3, 30);
  for (const text of ['{"station":', '\xff'.repeat(5000)])
    await ledger.hold({
      kind: 'quarantine',
      payload: Buffer.from(text, 'latin1'),
      reason: `q: ${text.length}`,
      at,
    });
  await ledger.hold({ kind: 'unknown-station', payload: Buffer.from('x'), reason: 'r', at });
  const { items } = (await app.inject('/api/v1/quarantine')).json();
  expect(items).toHaveLength(2);
  expect(items[0]).toMatchObject({
    at: '2024-04-30T00:00:00Z',
    reason: 'q: 11',
    size: 11,
    text: '{"station":',
  });
  expect(items[1]).toMatchObject({ size: 5000, text: '\ufffd'.repeat(4096) });
  expect((await app.inject('/api/v1/quarantine?limit=1')).json().items).toHaveLength(1);
  expect((await app.inject('/api/v1/quarantine?limit=0')).statusCode).toBe(400);
  await app.close();
  await remove();
});
