import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { areaRule } from '../../test/oracle/area-network.ts';
import { formatAlertEvent } from '../alerts/event-json.ts';
import { openScenario } from '../ingest/scenario.ts';
import { formatInstant } from '../model/time.ts';
import { loadRules } from '../rules/rule-set.ts';
import { hour, rain, station } from '../stream/fixture.ts';
import { Replay } from './replay.ts';

const root = new URL('../../', import.meta.url);
const path = 'rules/inmet/chuva-intensa.yaml';
const { rules } = loadRules([{ path, text: readFileSync(new URL(path, root), 'utf8') }]);
const scenario = openScenario(fileURLToPath(new URL('scenarios/rs-2024', root)));

test('the storm of Rio Grande do Sul: 114 alerts, 30 of them red, the same bytes for any number of partitions', () => {
  const lines = [1, 64].map((partitions) => {
    const replay = new Replay({ rules, stations: scenario.stations, partitions });
    for (const report of scenario.reports()) replay.feed(report);
    return replay.finish();
  });
  const events = lines[0] ?? [];
  const stations = (...levels: string[]): number =>
    new Set(events.filter((e) => levels.includes(e.level)).map((e) => e.subject.id)).size;
  const reds = events.filter((e) => e.level === 'red');
  expect(events.filter((e) => e.event === 'raised')).toHaveLength(114);
  expect(new Set(reds.map((e) => e.alert)).size).toBe(30);
  expect([stations('yellow', 'orange', 'red'), stations('orange', 'red'), stations('red')]).toEqual([
    40, 39, 27,
  ]);
  expect([reds[0]?.subject.id, formatInstant(reds[0]?.at ?? 0)]).toEqual(['A802', '2024-04-27T12:00:00Z']);
  const hashes = lines.map((all) =>
    createHash('sha256')
      .update(all.map((e) => `${formatAlertEvent(e)}\n`).join(''))
      .digest('hex'),
  );
  // Changes only with the semantics; say why when it does.
  expect(hashes).toEqual([
    '99c7e25116035ed760318dfef09b5af4f3a9b75178b652f36c185bc69533b41d',
    '99c7e25116035ed760318dfef09b5af4f3a9b75178b652f36c185bc69533b41d',
  ]);
});

test('an area is told of in time though no station lives at its home', () => {
  const stations = [station('A801', '1')];
  const areas = [{ id: 'basin', name: 'Basin', region: '2', stations: ['A801'] }];
  const wide = areaRule({ yellow: 'count(stations where silent(2h)) >= 1' }, null, {
    name: 'basin',
    area: { kind: 'named', name: 'basin' },
  });
  const told = [1, 64].map((partitions) => {
    const replay = new Replay({ rules: [wide], stations, areas, partitions });
    replay.feed(rain(0, 1, { station: 'A801' }));
    // Nothing comes: time alone raises it.
    replay.advanceTo(hour(6));
    return replay.finish().map(formatAlertEvent);
  });
  expect(told[0]?.length).toBeGreaterThan(0);
  expect(told[1]).toEqual(told[0]);
});
