import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DocumentCache } from '../src/app/documents.ts';
import { type Guarantee, guarantees, type SinkName, sinkNames } from '../src/app/sinks/guarantee.ts';
import { type Random, seededRandom } from '../src/lib/random.ts';
import { SimDisk } from '../src/lib/sim-disk.ts';
import { Showers } from './guarantees-input.ts';
import { type Death, Life, type Remains } from './guarantees-life.ts';
import { type Counts, compare, expectedOf, storedIn } from './guarantees-oracle.ts';

export interface GuaranteesOptions {
  /** Crashes under each guarantee. */
  readonly crashes: number;
  readonly seed: number;
  readonly guarantees?: readonly Guarantee[];
  readonly onProgress?: (text: string) => void;
}

export interface GuaranteesCase extends Counts {
  readonly guarantee: Guarantee;
  readonly sink: SinkName;
}

export interface GuaranteesResult {
  readonly crashes: number;
  readonly seed: number;
  /** Every row is as its guarantee says: nothing lost, nothing repeated, or neither. */
  readonly isKept: boolean;
  readonly cases: readonly GuaranteesCase[];
  /** Crashes by the point where they came, under each guarantee. */
  readonly points: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Where lives end; the numbers are those of the list of crash points in docs/guarantees.md. */
const deaths: readonly Death[] = [
  'fetched',
  'mid-batch',
  'folded',
  'ledger:before',
  'archive:before',
  'topic:before',
  'ledger:between',
  'archive:between',
  'topic:between',
  'ledger:torn',
  'archive:torn',
  'topic:torn',
  'ledger:reply-lost',
  'archive:reply-lost',
  'ledger:after',
  'archive:after',
  'topic:after',
  'committed',
  'acquired',
  'checkpointed',
  'checkpoint:torn',
  'zombie',
  'idle',
];

/** Points that a life comes to once or twice. */
const rare: ReadonlySet<Death> = new Set(['acquired', 'checkpointed', 'checkpoint:torn']);

/** One transaction has no place between its writes: there the crash comes inside it. */
const deathOf = (death: Death, guarantee: Guarantee): Death =>
  guarantee === 'exactly-once' && (death === 'ledger:between' || death === 'archive:between')
    ? (death.replace('between', 'torn') as Death)
    : death;

/**
 * Crashes the pipeline again and again, at every point in turn, over real stores, and counts what each sink lost and
 * repeated beside a fold of the same log that was never disturbed.
 */
export async function benchGuarantees(options: GuaranteesOptions): Promise<GuaranteesResult> {
  const cases: GuaranteesCase[] = [];
  const points: Record<string, Record<string, number>> = {};
  for (const guarantee of options.guarantees ?? guarantees) {
    const base = mkdtempSync(join(tmpdir(), 'atalaia-guarantees-'));
    try {
      const { counts, died } = await crashes(guarantee, base, options);
      points[guarantee] = died;
      for (const sink of sinkNames) cases.push({ guarantee, sink, ...counts[sink] });
    } finally {
      rmSync(base, { recursive: true, force: true });
    }
  }
  return { crashes: options.crashes, seed: options.seed, isKept: cases.every(isKept), cases, points };
}

const isKept = ({ guarantee, lost, repeated, different }: GuaranteesCase): boolean =>
  different === 0 &&
  (guarantee === 'at-most-once' || lost === 0) &&
  (guarantee === 'at-least-once' || repeated === 0);

async function crashes(
  guarantee: Guarantee,
  base: string,
  { crashes: count, seed, onProgress }: GuaranteesOptions,
): Promise<{ counts: Record<SinkName, Counts>; died: Record<string, number> }> {
  const random = seededRandom(seed);
  const documents = new DocumentCache();
  const showers = new Showers(seed, documents);
  let remains = beginning(join(base, '0'), random);
  const died: Record<string, number> = {};
  const living = { guarantee, showers, documents, random };
  for (let n = 1; n <= count; n++) {
    const death = deathOf(deaths[(n - 1) % deaths.length] as Death, guarantee);
    // Every other round of points is taken in micro-batches.
    const everyMs = Math.floor((n - 1) / deaths.length) % 2 === 0 ? 0 : 15;
    const life = new Life({ ...living, ...remains, everyMs });
    await life.begin(death, 1 + Math.floor(random() * (rare.has(death) ? 1 : 3)));
    const at = await life.live(death === 'idle' ? 100 : 3000);
    remains = await life.crash(join(base, String(n)));
    if (life.failure !== null) throw life.failure;
    died[at] = (died[at] ?? 0) + 1;
    if (n % 10 === 0) onProgress?.(`${guarantee}: ${n} of ${count} crashes`);
  }
  const last = new Life({ ...living, ...remains, everyMs: 0 });
  await last.begin(null, 0);
  await last.feed();
  await last.caughtUp(() => pause(20));
  const topic = await last.told();
  await last.end();
  const counts = compare(expectedOf(showers, documents), await storedIn(remains.folder, topic));
  return { counts, died };
}

function beginning(folder: string, random: Random): Remains {
  mkdirSync(folder, { recursive: true });
  return { folder, logDisk: new SimDisk(random), topicDisk: new SimDisk(random) };
}

/** The result as lines for a terminal. */
export function guaranteesTable({ cases, crashes, isKept }: GuaranteesResult): string {
  const row = (cells: readonly (string | number)[]): string =>
    cells.map((cell, i) => (i < 2 ? String(cell).padEnd(15) : String(cell).padStart(9))).join('');
  return [
    `${crashes} crashes under each guarantee`,
    row(['guarantee', 'sink', 'records', 'lost', 'repeated']),
    ...cases.map((c) => row([c.guarantee, c.sink, c.records, c.lost, c.repeated])),
    isKept ? 'every guarantee was kept' : 'A GUARANTEE WAS BROKEN',
    '',
  ].join('\n');
}
