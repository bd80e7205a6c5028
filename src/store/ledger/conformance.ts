import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { AlertEvent } from '../../model/alert.ts';
import type { Station } from '../../model/station.ts';
import { auditConformance } from './conformance-audit.ts';
import { deadLetterConformance } from './conformance-dead-letters.ts';
import { deliveryConformance } from './conformance-deliveries.ts';
import { draftConformance } from './conformance-drafts.ts';
import { dutyConformance } from './conformance-duty.ts';
import { foreignConformance } from './conformance-foreign.ts';
import { handoverConformance } from './conformance-handover.ts';
import { subscriberConformance } from './conformance-subscribers.ts';
import { verificationConformance } from './conformance-verification.ts';
import { withholdingConformance } from './conformance-withholding.ts';
import type { Ledger, LedgerBatch } from './ledger.ts';
import { sampleAt as at, commitAll, raise, sampleSubscription } from './sample.ts';

/** One place of storage: every `open` sees what the one before committed; `remove` deletes it. */
export interface LedgerPlace {
  open(): Promise<Ledger>;
  remove(): Promise<void>;
}

const station = (id: string, region: string): Station => ({
  id,
  name: id,
  latitude: -30,
  longitude: -51,
  altitude: 10,
  region,
  timeZone: 'America/Sao_Paulo',
  intervalMs: 3_600_000,
});

/** What every ledger engine must do; `place` makes an empty one per test. */
export function ledgerConformance(name: string, place: () => Promise<LedgerPlace>): void {
  describe(`ledger: ${name}`, () => {
    const opened: { place: LedgerPlace; ledgers: Ledger[] }[] = [];
    const fresh = async () => {
      const entry = { place: await place(), ledgers: [] as Ledger[] };
      opened.push(entry);
      const open = async (): Promise<Ledger> => {
        const ledger = await entry.place.open();
        entry.ledgers.push(ledger);
        return ledger;
      };
      return { ledger: await open(), open };
    };
    afterEach(async () => {
      for (const entry of opened.splice(0)) {
        for (const ledger of entry.ledgers) await ledger.close();
        await entry.place.remove();
      }
    });

    const idsOf = async (ledger: Ledger, filter: object) =>
      (await ledger.alerts({ limit: 100, ...filter })).items.map((item) => item.revision.event.alert);

    describe('commit', () => {
      it('keeps revisions, position and clock over a reopen', async () => {
        const { ledger, open } = await fresh();
        expect(await ledger.acquire(3)).toEqual({ epoch: 1, offset: 0, clockAt: 0 });
        const revision = raise('a1');
        await ledger.commit([
          {
            partition: 3,
            epoch: 1,
            from: 0,
            to: 10,
            clockAt: at + 5,
            revisions: [{ offset: 7, index: 2, revision }],
          },
        ]);
        await ledger.close();
        const again = await open();
        expect(await again.positions()).toEqual([{ partition: 3, epoch: 1, offset: 10, clockAt: at + 5 }]);
        expect(await again.acquire(3)).toEqual({ epoch: 2, offset: 10, clockAt: at + 5 });
        const [stored] = await again.history('a1');
        expect(stored).toMatchObject({ position: '3:7:2', state: 'active', revision });
        expect(await again.outbox(10)).toHaveLength(1);
      });

      it('gives everyone who asks in the same turn an epoch of his own', async () => {
        const { ledger, open } = await fresh();
        const asked = await Promise.all([2, 0, 2].map((partition) => ledger.acquire(partition)));
        expect(asked.map(({ offset }) => offset)).toEqual([0, 0, 0]);
        expect(asked[1]?.epoch).toBe(1);
        expect([asked[0]?.epoch, asked[2]?.epoch].sort()).toEqual([1, 2]);
        await ledger.close();
        const positions = await (await open()).positions();
        expect(positions.map(({ partition, epoch }) => [partition, epoch])).toEqual([
          [0, 1],
          [2, 2],
        ]);
      });

      it('refuses a repeat and leaves nothing of it', async () => {
        const { ledger } = await fresh();
        const { epoch } = await ledger.acquire(0);
        const batch = {
          partition: 0,
          epoch,
          from: 0,
          to: 4,
          clockAt: at,
          revisions: [{ offset: 1, index: 0, revision: raise('a1') }],
        };
        await ledger.commit([batch]);
        await expect(ledger.commit([batch])).rejects.toMatchObject({ code: 'ATL_FENCED' });
        await expect(ledger.commit([{ ...batch, from: 9, to: 12 }])).rejects.toMatchObject({
          code: 'ATL_FENCED',
        });
        expect(await ledger.history('a1')).toHaveLength(1);
        expect((await ledger.positions())[0]?.offset).toBe(4);
      });

      it('keeps the first outcome of an act with the commit that made it', async () => {
        const { ledger } = await fresh();
        const { epoch } = await ledger.acquire(0);
        const outcome = { command: 'c1', act: 'cancel', alert: 'a1', by: 'Ana', at, revision: 2 } as const;
        const refused = { ...outcome, command: 'c2', revision: null, refused: 'ended' } as const;
        const batch = (from: number, acts: LedgerBatch['acts']): LedgerBatch => ({
          partition: 0,
          epoch,
          from,
          to: from + 1,
          clockAt: at,
          revisions: [],
          ...(acts ? { acts } : {}),
        });
        await ledger.commit([
          batch(0, [
            { offset: 0, outcome },
            { offset: 0, outcome: refused },
          ]),
        ]);
        await ledger.commit([batch(1, [{ offset: 1, outcome: { ...outcome, refused: 'revision' } }])]);
        const again = { ...outcome, command: 'c3', act: 'acknowledge' } as const;
        await ledger.commit([batch(2, [{ offset: 2, outcome: again }])], 'effects');
        const stale = { ...batch(0, [{ offset: 0, outcome: { ...outcome, command: 'c4' } }]), epoch: 0 };
        await expect(ledger.commit([stale])).rejects.toMatchObject({ code: 'ATL_FENCED' });
        expect(await ledger.act('c1')).toEqual(outcome);
        expect(await ledger.act('c2')).toEqual(refused);
        expect(await ledger.act('c4')).toBeUndefined();
        expect(await ledger.acts('a1')).toEqual([outcome, again]);
        expect(await ledger.acts('a2')).toEqual([]);
      });

      it('rolls every batch back when one is fenced', async () => {
        const { ledger } = await fresh();
        const one = await ledger.acquire(0);
        await ledger.acquire(1);
        const good = {
          partition: 0,
          epoch: one.epoch,
          from: 0,
          to: 2,
          clockAt: at,
          revisions: [{ offset: 0, index: 0, revision: raise('a1') }],
        };
        const stale = { partition: 1, epoch: 0, from: 0, to: 2, clockAt: at, revisions: [] };
        await expect(ledger.commit([good, stale])).rejects.toMatchObject({ code: 'ATL_FENCED' });
        expect(await ledger.history('a1')).toEqual([]);
        expect((await ledger.positions()).map((entry) => entry.offset)).toEqual([0, 0]);
        expect(await ledger.outbox(10)).toEqual([]);
        await ledger.commit([good]);
        expect(await ledger.history('a1')).toHaveLength(1);
      });

      it('refuses a revision that is there already, and leaves nothing of the commit', async () => {
        const { ledger } = await fresh();
        await commitAll(ledger, [raise('a1')]);
        const again = commitAll(ledger, [raise('a2'), raise('a1')]);
        await expect(again).rejects.toMatchObject({ code: 'ATL_STORE' });
        expect(await ledger.history('a2')).toEqual([]);
        expect((await ledger.positions())[0]?.offset).toBe(1);
      });

      it('refuses a partition nobody acquired, and takes no batch at all quietly', async () => {
        const { ledger } = await fresh();
        const batch = { partition: 5, epoch: 0, from: 0, to: 1, clockAt: at, revisions: [] };
        await expect(ledger.commit([batch])).rejects.toMatchObject({ code: 'ATL_FENCED' });
        await ledger.commit([]);
      });

      it('lets the newer of two owners on and fences the older', async () => {
        const { ledger: old, open } = await fresh();
        const first = await old.acquire(0);
        const newer = await open();
        const second = await newer.acquire(0);
        expect(second.epoch).toBe(first.epoch + 1);
        const batch = { partition: 0, from: 0, to: 1, clockAt: at, revisions: [] };
        await expect(old.commit([{ ...batch, epoch: first.epoch }])).rejects.toMatchObject({
          code: 'ATL_FENCED',
        });
        await newer.commit([{ ...batch, epoch: second.epoch }]);
        expect(await old.positions()).toEqual([
          { partition: 0, epoch: second.epoch, offset: 1, clockAt: at },
        ]);
      });
    });

    describe('alerts', () => {
      it('shows the newest revision with the present state and the whole history', async () => {
        const { ledger } = await fresh();
        await commitAll(ledger, [
          raise('a1', { level: 'yellow' }),
          raise('a1', { revision: 2, event: 'escalated', previousLevel: 'yellow' }),
          raise('a1', { revision: 3, event: 'unverified' }, { unverified: true }),
        ]);
        const page = await ledger.alerts({ limit: 10 });
        expect(page.next).toBeNull();
        expect(page.items).toHaveLength(1);
        expect(page.items[0]).toMatchObject({ state: 'unverified', revision: { event: { revision: 3 } } });
        expect((await ledger.history('a1')).map((entry) => entry.state)).toEqual([
          'active',
          'active',
          'unverified',
        ]);
      });

      it('filters by state, level, rule, hazard, area and time', async () => {
        const { ledger } = await fresh();
        await ledger.putStations([station('A801', '4314902'), station('A802', '4300000')]);
        await commitAll(ledger, [
          raise('red'),
          raise('yellow', { level: 'yellow', subject: { kind: 'station', id: 'A802' }, hazard: 'wind' }),
          raise('over', { rule: 'vento', at: at - 500, onsetAt: at - 1000 }),
          raise('over', {
            rule: 'vento',
            revision: 2,
            event: 'ended',
            endReason: 'cleared',
            onsetAt: at - 1000,
            at,
          }),
          raise('area', { subject: { kind: 'area', id: 'serra' }, onsetAt: at + 9000, at: at + 9000 }),
          raise('doubt', { event: 'unverified', subject: { kind: 'area', id: 'A' } }, { unverified: true }),
        ]);
        expect(await idsOf(ledger, {})).toEqual(['doubt', 'area', 'over', 'yellow', 'red']);
        expect(await idsOf(ledger, { state: 'open' })).toEqual(['doubt', 'area', 'yellow', 'red']);
        expect(await idsOf(ledger, { state: 'active' })).toEqual(['area', 'yellow', 'red']);
        expect(await idsOf(ledger, { state: 'unverified' })).toEqual(['doubt']);
        expect(await idsOf(ledger, { state: 'ended' })).toEqual(['over']);
        expect(await idsOf(ledger, { level: 'yellow' })).toEqual(['yellow']);
        expect(await idsOf(ledger, { rule: 'vento' })).toEqual(['over']);
        expect(await idsOf(ledger, { hazard: 'wind' })).toEqual(['yellow']);
        expect(await idsOf(ledger, { area: 'A802' })).toEqual(['yellow']);
        expect(await idsOf(ledger, { area: '4314902' })).toEqual(['over', 'red']);
        expect(await idsOf(ledger, { area: 'serra' })).toEqual(['area']);
        expect(await idsOf(ledger, { from: at + 1 })).toEqual(['doubt', 'area', 'yellow', 'red']);
        expect(await idsOf(ledger, { to: at + 1 })).toEqual(['doubt', 'over', 'yellow', 'red']);
      });

      it('pages newest first without gaps or repeats while alerts arrive and change', async () => {
        const { ledger } = await fresh();
        const names = Array.from({ length: 25 }, (_, index) => `alert-${index}`);
        await commitAll(
          ledger,
          names.map((id) => raise(id)),
        );
        const seen: string[] = [];
        let cursor: string | undefined;
        for (let page = 0; page < 10; page++) {
          const got = await ledger.alerts({ limit: 7, ...(cursor ? { cursor } : {}) });
          seen.push(...got.items.map((item) => item.revision.event.alert));
          if (page === 0)
            await commitAll(ledger, [raise('new'), raise('alert-3', { revision: 2, event: 'updated' })]);
          if (got.next === null) break;
          cursor = got.next;
        }
        expect(seen).toEqual(names.toReversed());
      });

      it('refuses a cursor that it did not write', async () => {
        const { ledger } = await fresh();
        await expect(ledger.alerts({ limit: 1, cursor: "x' OR 1" })).rejects.toMatchObject({
          code: 'ATL_USAGE',
        });
      });
    });

    describe('order', () => {
      it('goes on after a position, and does not know every position', async () => {
        const { ledger } = await fresh();
        expect(await ledger.since(null, 10)).toEqual([]);
        await commitAll(ledger, [raise('a1'), raise('a2'), raise('a3')], 2);
        const all = (await ledger.since(null, 10)) ?? [];
        expect(all.map((entry) => entry.position)).toEqual(['2:0:0', '2:1:0', '2:2:0']);
        expect((await ledger.since('2:0:0', 1))?.map((entry) => entry.position)).toEqual(['2:1:0']);
        expect(await ledger.since('2:2:0', 10)).toEqual([]);
        expect(await ledger.since('9:9:9', 10)).toBeUndefined();
        expect(all.map((entry) => entry.seq)).toEqual(
          [...all.map((entry) => entry.seq)].sort((a, b) => a - b),
        );
      });

      it('lists events by at, rule, subject and revision, however many', async () => {
        const { ledger } = await fresh();
        const many = Array.from({ length: 1203 }, (_, index) =>
          raise(`m${index}`, { at: at + ((index * 7919) % 1203) * 1000 }),
        );
        await commitAll(ledger, [
          raise('c', { rule: 'b', at: at - 1 }),
          raise('d', { rule: 'a', at: at - 1, subject: { kind: 'station', id: 'Z' } }),
          raise('b', { rule: 'a', at: at - 1, revision: 2 }),
          raise('b', { rule: 'a', at: at - 1, revision: 1 }),
          ...many,
        ]);
        const got: AlertEvent[] = [];
        for await (const event of ledger.events()) got.push(event);
        expect(got).toHaveLength(1207);
        expect(got.slice(0, 4).map((event) => `${event.alert}${event.revision}`)).toEqual([
          'b1',
          'b2',
          'd1',
          'c1',
        ]);
        expect(got.every((event, index) => index === 0 || event.at >= (got[index - 1]?.at ?? 0))).toBe(true);
      });
    });

    deliveryConformance(fresh);
    deadLetterConformance(fresh);
    withholdingConformance(fresh);
    dutyConformance(fresh);
    draftConformance(fresh);
    auditConformance(fresh);
    verificationConformance(fresh);
    handoverConformance(fresh);
    foreignConformance(fresh);
    subscriberConformance(fresh);

    describe('registry and documents', () => {
      it('replaces the subscriptions of one origin only, and refuses an id twice', async () => {
        const { ledger } = await fresh();
        await ledger.putSubscriptions('config', [sampleSubscription('a'), sampleSubscription('b')]);
        await ledger.putSubscriptions('api', [
          { ...sampleSubscription('c'), areas: ['A801'], address: 'x@y' },
        ]);
        await ledger.putSubscriptions('config', [sampleSubscription('b')]);
        const conflict = ledger.putSubscriptions('api', [sampleSubscription('b')]);
        await expect(conflict).rejects.toMatchObject({ code: 'ATL_CONFLICT' });
        expect(await ledger.subscriptions()).toEqual([
          sampleSubscription('b'),
          { ...sampleSubscription('c'), areas: ['A801'], address: 'x@y' },
        ]);
      });

      it('keeps stations by id', async () => {
        const { ledger } = await fresh();
        await ledger.putStations([station('B', '1'), station('A', '1')]);
        await ledger.putStations([{ ...station('B', '2'), altitude: null }]);
        expect(await ledger.stations()).toEqual([
          station('A', '1'),
          { ...station('B', '2'), altitude: null },
        ]);
      });

      it('keeps documents by the hash of their bytes', async () => {
        const { ledger } = await fresh();
        const bytes = new Uint8Array([0, 1, 255]);
        const hash = await ledger.putDocument(bytes);
        expect(hash).toBe(createHash('sha256').update(bytes).digest('hex'));
        expect(await ledger.putDocument(bytes)).toBe(hash);
        expect(await ledger.document(hash)).toEqual(bytes);
        expect(await ledger.document('0'.repeat(64))).toBeUndefined();
      });

      it('keeps CAP messages as first written, the newest first', async () => {
        const { ledger } = await fresh();
        const cap = (revision: number, xml: string) =>
          ledger.putCap({
            alert: 'a1',
            revision,
            identifier: `id${revision}`,
            sentText: 's',
            xml,
            createdAt: at + revision,
          });
        await cap(1, '<one/>');
        await cap(2, '<two/>');
        await cap(1, '<other/>');
        expect(await ledger.cap('a1', 1)).toEqual({
          revision: 1,
          identifier: 'id1',
          sentText: 's',
          xml: '<one/>',
        });
        expect((await ledger.cap('a1'))?.xml).toBe('<two/>');
        expect(await ledger.cap('a2')).toBeUndefined();
        expect((await ledger.capFeed(10)).map((entry) => entry.revision)).toEqual([2, 1]);
        const [newest] = await ledger.capFeed(1);
        expect(
          (await ledger.capFeed(10, { before: newest?.place ?? '' })).map(({ revision }) => revision),
        ).toEqual([1]);
        await expect(ledger.capFeed(1, { before: 'x' })).rejects.toMatchObject({ code: 'ATL_USAGE' });
      });

      it('keeps held reports until they are released', async () => {
        const { ledger } = await fresh();
        const payload = new TextEncoder().encode('{"station":"X1"}');
        await ledger.hold({ kind: 'unknown-station', station: 'X1', payload, reason: 'unknown', at });
        await ledger.hold({ kind: 'unknown-station', station: 'X2', payload, reason: 'unknown', at });
        await ledger.hold({ kind: 'quarantine', payload, reason: 'line 3', at });
        const [held] = await ledger.held({ kind: 'unknown-station', station: 'X1', limit: 10 });
        expect(held).toMatchObject({
          kind: 'unknown-station',
          station: 'X1',
          payload,
          reason: 'unknown',
          at,
        });
        expect(await ledger.held({ kind: 'quarantine', limit: 10 })).toMatchObject([{ station: null }]);
        await ledger.release([held?.id ?? -1]);
        expect(await ledger.held({ limit: 10 })).toHaveLength(2);
      });

      it('keeps commands until relayed, skips and named values; repeats are no-ops', async () => {
        const { ledger } = await fresh();
        await ledger.putCommand({ id: 'c1', json: '{"n":1}', at });
        await ledger.putCommand({ id: 'c0', json: '{"n":0}', at });
        await ledger.putCommand({ id: 'c1', json: '{"n":9}', at });
        expect(await ledger.command('c1')).toEqual({ json: '{"n":1}', isRelayed: false });
        expect(await ledger.command('c9')).toBeUndefined();
        expect(await ledger.pendingCommands()).toEqual([
          { id: 'c1', json: '{"n":1}' },
          { id: 'c0', json: '{"n":0}' },
        ]);
        await ledger.commandRelayed('c1');
        expect(await ledger.pendingCommands()).toEqual([{ id: 'c0', json: '{"n":0}' }]);
        await ledger.skip({ partition: 1, offset: 4, reason: 'first', at });
        await ledger.skip({ partition: 1, offset: 4, reason: 'second', at });
        expect(await ledger.skips()).toEqual([{ partition: 1, offset: 4, reason: 'first', at }]);
        expect(await ledger.meta('server')).toBeUndefined();
        await ledger.putMeta('server', 'a');
        await ledger.putMeta('server', 'b');
        expect(await ledger.meta('server')).toBe('b');
      });

      it('is closed after close, and close may be repeated', async () => {
        const { ledger } = await fresh();
        await ledger.close();
        await ledger.close();
        await expect(ledger.positions()).rejects.toMatchObject({ code: 'ATL_STORE' });
      });
    });
  });
}
