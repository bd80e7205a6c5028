import { describe, expect, it } from 'vitest';
import type { Station } from '../../model/station.ts';
import type { Ledger } from './ledger.ts';
import { sampleAt as at, commitAll, raise } from './sample.ts';

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

/** What every ledger engine must tell the person on duty and the readers of feeds; part of `conformance.ts`. */
export function dutyConformance(fresh: () => Promise<{ ledger: Ledger; open: () => Promise<Ledger> }>): void {
  describe('duty', () => {
    it('tells the newest acknowledgement of each alert that is asked for, and how many are open', async () => {
      const { ledger } = await fresh();
      const ended = raise('a3', { event: 'ended', endReason: 'cleared' });
      await commitAll(ledger, [raise('a1'), raise('a2', { level: 'yellow' }), ended]);
      const { epoch, offset: from } = await ledger.acquire(0);
      const acts = [
        { command: 'c1', act: 'acknowledge', alert: 'a1', by: 'Ana', at, revision: 1 },
        { command: 'c2', act: 'acknowledge', alert: 'a1', by: 'Rui', at: at + 1, revision: 1 },
        { command: 'c3', act: 'extend', alert: 'a1', by: 'Ana', at: at + 2, revision: 2 },
        { command: 'c4', act: 'acknowledge', alert: 'a2', by: 'Ana', at, revision: null, refused: 'busy' },
        { command: 'c5', act: 'acknowledge', alert: 'a3', by: 'Ana', at, revision: 1 },
      ] as const;
      await ledger.commit([
        {
          partition: 0,
          epoch,
          from,
          to: from + 1,
          clockAt: at,
          revisions: [],
          acts: acts.map((outcome) => ({ offset: from, outcome })),
        },
      ]);
      expect(await ledger.acknowledged(['a1', 'a2'])).toEqual([acts[1]]);
      expect(await ledger.acknowledged(['a1', 'a3'])).toEqual([acts[1], acts[4]]);
      expect(await ledger.acknowledged([])).toEqual([]);
      expect(await ledger.openCounts()).toEqual({
        alerts: { yellow: 1, orange: 0, red: 1 },
        dead: 0,
        stations: 0,
      });
    });

    it('finds the CAP messages of a hazard and of an area', async () => {
      const { ledger } = await fresh();
      await ledger.putStations([station('A801', '4314902'), station('A802', '4314902')]);
      const of = (alert: string, id: string, hazard: string) =>
        raise(alert, { hazard, subject: { kind: 'station', id } });
      await commitAll(ledger, [of('a1', 'A801', 'rain'), of('a2', 'A802', 'wind'), of('a3', 'A899', 'rain')]);
      for (const [i, alert] of ['a1', 'a2', 'a3'].entries())
        await ledger.putCap({
          alert,
          revision: 1,
          identifier: alert,
          sentText: 's',
          xml: '<x/>',
          createdAt: at + i,
        });
      const found = async (filter: object) => (await ledger.capFeed(10, filter)).map(({ alert }) => alert);
      expect(await found({})).toEqual(['a3', 'a2', 'a1']);
      expect(await found({ hazard: 'rain' })).toEqual(['a3', 'a1']);
      expect(await found({ area: '4314902' })).toEqual(['a2', 'a1']);
      expect(await found({ area: 'A899' })).toEqual(['a3']);
      expect(await found({ area: '4314902', hazard: 'rain' })).toEqual(['a1']);
      expect(await found({ area: '0000000' })).toEqual([]);
      for (const filter of [{}, { hazard: 'rain' }, { area: '4314902', hazard: 'rain' }])
        expect(await ledger.capPlaces(10, filter)).toEqual(
          (await ledger.capFeed(10, filter)).map(({ place }) => place),
        );
      const late = {
        alert: 'a1',
        revision: 2,
        identifier: 'l',
        sentText: 's',
        xml: '<x/>',
        createdAt: at - 1,
      };
      const before = await ledger.capPlaces(10, { hazard: 'rain' });
      await ledger.putCap(late);
      expect(await ledger.capPlaces(10, { hazard: 'rain' })).not.toEqual(before);
      expect(await found({ hazard: 'rain' })).toEqual(['a3', 'a1', 'a1']);
    });

    it('tells which unknown stations wait, with the last that each sent', async () => {
      const { ledger } = await fresh();
      const hold = (station: string, byte: number, heldAt: number) =>
        ledger.hold({
          kind: 'unknown-station',
          station,
          payload: new Uint8Array([byte]),
          reason: 'unknown',
          at: heldAt,
        });
      await hold('X1', 1, at);
      await hold('X2', 2, at + 1);
      await hold('X1', 3, at + 2);
      await ledger.hold({ kind: 'quarantine', payload: new Uint8Array([4]), reason: 'no JSON', at });
      expect(await ledger.heldStations(10)).toEqual([
        { station: 'X1', reports: 2, firstAt: at, lastAt: at + 2, payload: new Uint8Array([3]) },
        { station: 'X2', reports: 1, firstAt: at + 1, lastAt: at + 1, payload: new Uint8Array([2]) },
      ]);
      expect(await ledger.heldStations(1)).toHaveLength(1);
      expect(await ledger.openCounts()).toMatchObject({ stations: 2 });
      const [, , last] = await ledger.held({ kind: 'unknown-station', limit: 10 });
      await ledger.release([last?.id ?? -1]);
      expect(await ledger.heldStations(10)).toMatchObject([
        { station: 'X2', reports: 1 },
        { station: 'X1', reports: 1, lastAt: at, payload: new Uint8Array([1]) },
      ]);
      const rest = await ledger.held({ kind: 'unknown-station', limit: 10 });
      await ledger.release(rest.map(({ id }) => id));
      expect(await ledger.heldStations(10)).toEqual([]);
    });

    it('holds so many unknown stations, and so many reports of each; what is unreadable has other bounds', async () => {
      const { ledger } = await fresh();
      const hold = (station: string) =>
        ledger.hold(
          { kind: 'unknown-station', station, payload: new Uint8Array([1]), reason: 'unknown', at },
          { stations: 2, reports: 2 },
        );
      expect([await hold('X1'), await hold('X2'), await hold('X3')]).toEqual([true, true, false]);
      expect([await hold('X1'), await hold('X1')]).toEqual([true, false]);
      const quarantined = {
        kind: 'quarantine',
        payload: new Uint8Array([2]),
        reason: 'no JSON',
        at,
      } as const;
      expect(await ledger.hold(quarantined, { stations: 0, reports: 0 })).toBe(true);
      const [first] = await ledger.held({ station: 'X2', limit: 1 });
      await ledger.release([first?.id ?? -1]);
      expect([await hold('X3'), await hold('X2')]).toEqual([true, false]);
      expect(await ledger.held({ limit: 10 })).toHaveLength(4);
    });
  });
}
