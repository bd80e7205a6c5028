import { openSync, readSync, writeFileSync } from 'node:fs';
import { createNdjsonParser } from '../../src/ingest/fast-ndjson.ts';
import { invariant } from '../../src/lib/errors.ts';
import type { AlertEvent } from '../../src/model/alert.ts';
import { DAY_MS } from '../../src/model/time.ts';
import { loadRules, ruleSetHash } from '../../src/rules/rule-set.ts';
import { PartitionFold } from '../../src/stream/fold.ts';
import { jobRules, jobStations } from './job.ts';

// Our engine on the peers' job: node bench/peers/atalaia.ts INPUT OUTPUT PASSES STATIONS [LATENESS_MS]
const [inputPath, outputPath, passes, stationCount, lateness] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string | undefined,
];
const CHUNK_BYTES = 1024 * 1024;

function rules() {
  const levelNames = ['yellow', 'orange', 'red'];
  const files = jobRules.map(([name, hazard, levels]) => ({
    path: `${name}.yaml`,
    // The peers know no coverage: a window counts from its first reading.
    text: [
      `rule: ${name}`,
      `hazard: ${hazard}`,
      'levels:',
      ...levels.map((condition, i) => `  ${levelNames[i]}: ${condition}`),
      'coverage: 0 %',
    ].join('\n'),
  }));
  const loaded = loadRules(files);
  invariant(loaded.problems.length === 0, `a rule is bad: ${JSON.stringify(loaded.problems[0])}`);
  return loaded.rules;
}

/** As `observedAt` of a recording without delay drives it: a tick whenever its time advances, then the report. */
function run(): { reports: number; lines: string[] } {
  const loaded = rules();
  const stations = jobStations(Number(stationCount));
  const fold = new PartitionFold({
    rules: () => loaded,
    stations: () => stations,
    latenessMs: lateness === undefined ? DAY_MS : Number(lateness),
  });
  fold.apply({ kind: 'command', id: 'stations', command: { type: 'stations', hash: 'registry' } });
  fold.apply({
    kind: 'command',
    id: 'rules',
    command: { type: 'rules', hash: ruleSetHash({ rules: loaded }) },
  });
  const intervals = new Map(stations.map(({ id, intervalMs }) => [id, intervalMs]));
  const parser = createNdjsonParser({
    receivedAt: Date.UTC(2024, 3, 30) + 400 * DAY_MS,
    stationInterval: (id: string) => intervals.get(id),
  });
  const lines: string[] = [];
  const take = (effects: ReturnType<PartitionFold['apply']>): void => {
    for (const effect of effects) if (effect.kind === 'alert') addLine(lines, effect.revision.event);
  };
  let now = Number.NEGATIVE_INFINITY;
  let reports = 0;
  for (const chunk of wholeLines(inputPath)) {
    parser.parse(chunk, (report) => {
      const { observedAt } = report;
      if (observedAt > now) {
        if (now === Number.NEGATIVE_INFINITY)
          fold.apply({
            kind: 'command',
            id: 'recording',
            command: { type: 'recording', delayMs: 0, startAt: observedAt },
          });
        now = observedAt;
        take(fold.apply({ kind: 'tick', at: now }));
      }
      reports++;
      take(fold.apply({ kind: 'report', report: { ...report, receivedAt: observedAt } }));
    });
  }
  return { reports, lines };
}

function addLine(lines: string[], event: AlertEvent): void {
  const from =
    event.event === 'raised' ? 'none' : event.event === 'ended' ? event.level : event.previousLevel;
  const to = event.event === 'ended' ? 'none' : event.level;
  if (from === undefined) return;
  lines.push(
    `${event.subject.id}\t${event.rule}\t${new Date(event.at).toISOString().slice(0, 19)}Z\t${from}\t${to}`,
  );
}

function* wholeLines(path: string): Generator<Buffer> {
  const file = openSync(path, 'r');
  let rest = Buffer.alloc(0);
  for (;;) {
    const buffer = Buffer.allocUnsafe(rest.length + CHUNK_BYTES);
    rest.copy(buffer);
    const read = readSync(file, buffer, rest.length, CHUNK_BYTES, null);
    const filled = buffer.subarray(0, rest.length + read);
    if (read === 0) {
      if (filled.length > 0) yield filled;
      return;
    }
    const end = filled.lastIndexOf(10) + 1;
    if (end > 0) yield filled.subarray(0, end);
    rest = filled.subarray(end);
  }
}

for (let pass = 0; pass < Number(passes); pass++) {
  const from = performance.now();
  const before = process.cpuUsage();
  const { reports, lines } = run();
  writeFileSync(outputPath, lines.map((line) => `${line}\n`).join(''));
  const { user, system } = process.cpuUsage(before);
  const cpu = (user + system) / 1000;
  process.stdout.write(`${JSON.stringify({ pass, ms: performance.now() - from, cpu, reports })}\n`);
}
