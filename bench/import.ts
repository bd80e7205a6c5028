import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importFiles } from '../src/app/import/import.ts';
import { openDuckdbArchive } from '../src/app/stores/archive-file.ts';
import { invariant } from '../src/lib/errors.ts';
import { formatInstant, HOUR_MS } from '../src/model/time.ts';
import type { PackedRows } from '../src/store/archive/archive.ts';
import { RowPacker } from '../src/store/archive/packed.ts';
import { median, round3 } from './figures.ts';

export interface ImportBenchOptions {
  readonly stations: number;
  readonly hours: number;
  readonly runs: number;
  readonly onProgress?: (text: string) => void;
}

export interface ImportBenchResult extends Omit<ImportBenchOptions, 'onProgress'> {
  readonly readings: number;
  /** Throughput of an import of NDJSON over that of the bare load of the same readings, packed already; the median. */
  readonly ratioToBareLoad: number;
  readonly runsRatioToBareLoad: readonly number[];
}

const START = Date.UTC(2000, 0, 1);
const BARE_COMMIT = 100_000;
const QUANTITIES = ['rainfall', 'airTemperature', 'relativeHumidity', 'stationPressure', 'windGust'] as const;

/** Import and bare load by turns, each into an archive of its own, opened before and closed (with a checkpoint) within the time. */
export async function benchImport({
  stations,
  hours,
  runs,
  onProgress,
}: ImportBenchOptions): Promise<ImportBenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'atalaia-bench-import-'));
  try {
    const { text, packed } = history(stations, hours);
    const file = join(folder, 'history.ndjson');
    await writeFile(file, text);
    const readings = stations * hours * QUANTITIES.length;
    const ratios: number[] = [];
    for (let run = 0; run < runs; run++) {
      const bareMs = await timed(join(folder, `bare-${run}.duckdb`), async (archive) => {
        for (const [index, rows] of packed.entries())
          await archive.commit([
            { partition: 0, epoch: 1, from: index, to: index + 1, observations: [], packed: [rows] },
          ]);
      });
      const importMs = await timed(join(folder, `import-${run}.duckdb`), async (archive) => {
        const { files } = await importFiles({
          archive,
          files: [file],
          format: 'auto',
          stationInterval: () => undefined,
        });
        invariant(files[0]?.readings === readings, 'the import has not taken every reading');
      });
      ratios.push(round3(bareMs / importMs));
      onProgress?.(`run ${run + 1} of ${runs}: ${ratios.at(-1)} of the bare load`);
    }
    return { stations, hours, runs, readings, ratioToBareLoad: median(ratios), runsRatioToBareLoad: ratios };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function timed(
  path: string,
  work: (archive: Awaited<ReturnType<typeof openDuckdbArchive>>) => Promise<void>,
): Promise<number> {
  const archive = await openDuckdbArchive({ path });
  const begun = performance.now();
  try {
    await work(archive);
  } finally {
    await archive.close();
  }
  return performance.now() - begun;
}

/** The same readings as text and as the archive takes them. */
function history(stations: number, hours: number): { text: string; packed: PackedRows[] } {
  const lines: string[] = [];
  const packed: PackedRows[] = [];
  let packer = new RowPacker(BARE_COMMIT);
  let rows = 0;
  for (let hour = 0; hour < hours; hour++) {
    const observedAt = START + hour * HOUR_MS;
    for (let s = 0; s < stations; s++) {
      const station = `H${s}`;
      const scaled = [
        ((hour + s) % 90) * 100,
        20_000 + (hour % 97) * 10,
        60_000 + (s % 40) * 1000,
        1_010_000,
        4200,
      ];
      const values = QUANTITIES.map((quantity, i) => `"${quantity}":${(scaled[i] as number) / 1000}`);
      lines.push(
        `{"station":"${station}","observedAt":"${formatInstant(observedAt)}","interval":"PT1H","values":{${values.join(',')}}}`,
      );
      for (const [i, quantity] of QUANTITIES.entries()) {
        packer.add({
          station,
          quantity,
          observedAt,
          intervalMs: HOUR_MS,
          receivedAt: observedAt,
          value: scaled[i] as number,
          flag: 'good',
          arrival: 'late',
        });
        if (++rows % BARE_COMMIT !== 0) continue;
        packed.push(packer.rows());
        packer = new RowPacker(BARE_COMMIT);
      }
    }
  }
  packed.push(packer.rows());
  return { text: `${lines.join('\n')}\n`, packed };
}
