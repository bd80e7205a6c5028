import { expect, it } from 'vitest';
import type { Hold } from '../../store/ledger/hold.ts';
import { Metrics } from './metrics.ts';

it('says whether a person holds deliveries, and whether reds, too', async () => {
  const metrics = new Metrics();
  const lines = async (hold: Hold | null): Promise<string[]> => {
    const none = {
      lagRecords: 0,
      lagMs: 0,
      archiveLagMs: 0,
      workers: 1,
      outboxMs: 0,
      isReady: true,
      open: {},
      neighbours: { suspect: {}, isolated: 0 },
    };
    metrics.gauges({ ...none, hold });
    return (await metrics.text()).split('\n').filter((line) => line.startsWith('atalaia_deliveries_held{'));
  };
  const hold = { by: 'ana', reason: 'tests', at: 0 };
  const told = (lower: 0 | 1, red: 0 | 1): string[] => [
    `atalaia_deliveries_held{level="lower"} ${lower}`,
    `atalaia_deliveries_held{level="red"} ${red}`,
  ];
  expect(await lines({ ...hold, red: false })).toEqual(told(1, 0));
  expect(await lines({ ...hold, red: true })).toEqual(told(1, 1));
  expect(await lines(null)).toEqual(told(0, 0));
});

it('counts stations that their neighbours speak against', async () => {
  const metrics = new Metrics();
  metrics.gauges({
    ...{
      lagRecords: 0,
      lagMs: 0,
      archiveLagMs: 0,
      workers: 1,
      outboxMs: 0,
      isReady: true,
      open: {},
      hold: null,
    },
    neighbours: { suspect: { buddy: 2, 'high-influx': 1 }, isolated: 3 },
  });
  const text = await metrics.text();
  expect(text.match(/^atalaia_stations_(suspect|isolated).*/gm)).toEqual([
    'atalaia_stations_suspect{check="buddy"} 2',
    'atalaia_stations_suspect{check="high-influx"} 1',
    'atalaia_stations_isolated 3',
  ]);
});
