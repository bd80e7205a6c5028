import fc from 'fast-check';
import { expect, test } from 'vitest';
import { areaRule } from '../../test/oracle/area-network.ts';
import type { LogRecord } from '../model/record.ts';
import { SECOND_MS } from '../model/time.ts';
import { foldOptions, hour, recordsOf, report, station } from './fixture.ts';
import { type FoldSnapshot, PartitionFold } from './fold.ts';

// Quality control judges a reading again when the next one comes, so a report changes verdicts before its own instant.

const stations = ['A801', 'A802', 'A803'].map((id) => station(id, '1'));
const hot = areaRule(
  {
    yellow: 'count(stations where max(airTemperature, 1h) >= 30 °C) >= 1',
    red: 'share(stations where max(airTemperature, 1h) >= 30 °C) >= 60 %',
  },
  null,
  { name: 'hot' },
);

/** Warm hours, jumps that the next hour confirms or takes back, holes, and arrivals within two hours. */
const network = fc
  .array(fc.tuple(fc.nat(24), fc.nat(2), fc.constantFrom(20, 21, 29.5, 31, 38, 38.5), fc.nat(4 * 3600)), {
    minLength: 8,
    maxLength: 60,
  })
  .map((rows) =>
    rows
      .map(([at, which, degrees, delay]) =>
        report(
          at,
          { airTemperature: degrees },
          { station: stations[which]?.id as string, receivedAt: hour(at) + delay * SECOND_MS },
        ),
      )
      .sort((a, b) => a.receivedAt - b.receivedAt),
  );

test('an area goes on from any checkpoint as if nothing had happened, whatever quality control takes back', () => {
  const told = (fold: PartitionFold, records: readonly LogRecord[]): string[] =>
    records.map((record) => JSON.stringify(fold.apply(record)));
  fc.assert(
    fc.property(network, fc.nat(), (reports, cut) => {
      const records = recordsOf(reports, [hot], stations, hour(40));
      const at = cut % records.length;
      const whole = new PartitionFold(foldOptions);
      told(whole, records.slice(0, at));
      const saved = JSON.parse(JSON.stringify(whole.snapshot())) as FoldSnapshot;
      const again = PartitionFold.restore(saved, foldOptions);
      expect(told(again, records.slice(at))).toEqual(told(whole, records.slice(at)));
    }),
    { numRuns: 1000 },
  );
});
