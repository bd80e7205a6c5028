import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { formatAlertEvent } from '../../src/alerts/event-json.ts';
import { Replay } from '../../src/app/replay.ts';
import { findRuleFiles } from '../../src/app/rule-files.ts';
import { decodeGrid, encodeGrid, openScenario, STORM_FILE } from '../../src/ingest/scenario.ts';
import { observationsIn } from '../../src/model/effect.ts';
import { DAY_MS } from '../../src/model/time.ts';
import { loadRules } from '../../src/rules/rule-set.ts';
import { root } from './server.ts';

/** The recorded storm, eleven days of 44 stations. */
export const STORM = join(root, 'scenarios/rs-2024');
/** The day of it with the most alerts. */
const FROM = Date.UTC(2024, 4, 2);

/** Cuts one day out of the recorded storm into a new folder, which it returns. */
export function cutStormDay(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const { header, columns } = decodeGrid(gunzipSync(readFileSync(join(STORM, STORM_FILE))), STORM_FILE);
  const first = (FROM - header.startAt) / header.stepMs;
  const steps = DAY_MS / header.stepMs;
  const grid = {
    header: { ...header, name: 'rs-2024-day', startAt: FROM, steps },
    columns: columns.map((column) =>
      Float64Array.from(
        header.stations.flatMap((_, station) => {
          const begin = station * header.steps + first;
          return [...column.subarray(begin, begin + steps)];
        }),
      ),
    ),
  };
  writeFileSync(join(folder, STORM_FILE), gzipSync(encodeGrid(grid)));
  copyFileSync(join(STORM, 'stations.csv'), join(folder, 'stations.csv'));
  return folder;
}

/** What the stores must hold in the end. */
export interface Expected {
  readonly events: readonly string[];
  /** Observations, each key once. */
  readonly rows: number;
}

/** A recorded storm, folded in one go by this process. */
export function expectedOf(scenario: string): Expected {
  const { stations, reports } = openScenario(scenario);
  const { rules } = loadRules(findRuleFiles([join(root, 'rules/inmet')], 'rules'));
  const keys = new Set<string>();
  const replay = new Replay({
    rules,
    stations,
    onEffect: (effect) => {
      for (const { station, quantity, observedAt, intervalMs } of observationsIn(effect))
        keys.add(`${station} ${quantity} ${observedAt} ${intervalMs}`);
    },
  });
  for (const report of reports()) replay.feed(report);
  return { events: replay.finish().map(formatAlertEvent), rows: keys.size };
}
