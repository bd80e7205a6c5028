/** A network of stations with areas, cut into partitions as the system cuts it, fed report by report. */
import { createHash } from 'node:crypto';
import { areaDocuments, neighbourPartitions, partitionOf } from '../../src/app/partition.ts';
import { compareEvents } from '../../src/app/replay.ts';
import type { AlertEvent } from '../../src/model/alert.ts';
import type { Area } from '../../src/model/area.ts';
import { type Effect, observationsIn } from '../../src/model/effect.ts';
import type { LogRecord } from '../../src/model/record.ts';
import type { Report } from '../../src/model/report.ts';
import type { HeldCondition, Level, Rule } from '../../src/model/rule.ts';
import type { Station } from '../../src/model/station.ts';
import { HOUR_MS } from '../../src/model/time.ts';
import { checkExpression } from '../../src/rules/check.ts';
import { type FoldOptions, type FoldSnapshot, PartitionFold } from '../../src/stream/fold.ts';

const documents = new Map<string, string>();
const load = (hash: string): never => JSON.parse(documents.get(hash) as string) as never;
export const documentHash = (content: unknown): string => {
  const text = JSON.stringify(content);
  const hash = createHash('sha256').update(text).digest('hex');
  documents.set(hash, text);
  return hash;
};
export const areaFoldOptions: FoldOptions = { rules: load, stations: load, areas: load };

const held = (text: string): HeldCondition => {
  const { held: found, flaws } = checkExpression(text, 'area');
  if (!found) throw new Error(`${text}: ${JSON.stringify(flaws)}`);
  return found;
};

/** A rule over areas from its expressions. */
export const areaRule = (
  levels: Partial<Record<Level, string>>,
  clear: string | null,
  rest: Partial<Rule> = {},
): Rule => ({
  name: 'area-rain',
  title: { 'pt-BR': 'Chuva', en: 'Rain' },
  hazard: 'rain',
  subject: 'area',
  levels: Object.entries(levels).map(([level, text]) => ({ level: level as Level, ...held(text) })),
  clear: clear === null ? null : held(clear),
  coverage: 0.8,
  expiresMs: 400 * HOUR_MS,
  area: { kind: 'region' },
  cap: { urgency: 'Immediate', certainty: 'Observed', responseType: 'Prepare' },
  instruction: { 'pt-BR': '', en: '' },
  ...rest,
});

export interface NetworkOptions {
  readonly rules: readonly Rule[];
  readonly stations: readonly Station[];
  readonly areas?: readonly Area[];
  readonly partitions?: number;
  readonly startAt: number;
  readonly latenessMs?: number;
}

export class AreaNetwork {
  readonly #partitions: number;
  readonly #options: FoldOptions;
  #stations: ReadonlyMap<string, Station> = new Map();
  #neighbours: ReadonlyMap<string, readonly number[]> = new Map();
  readonly #folds: PartitionFold[];
  readonly effects: Effect[] = [];
  /** The bytes of all effects, record by record. */
  readonly lines: string[] = [];
  #commands = 0;

  constructor({ rules, stations, areas = [], partitions = 1, startAt, latenessMs }: NetworkOptions) {
    this.#partitions = partitions;
    this.#options = { ...areaFoldOptions, ...(latenessMs === undefined ? {} : { latenessMs }) };
    this.#folds = Array.from({ length: partitions }, () => new PartitionFold(this.#options));
    this.command(() => ({ type: 'recording', delayMs: 0, startAt }));
    this.put(stations, areas);
    this.rules(rules);
  }

  command(of: (partition: number) => (LogRecord & { kind: 'command' })['command']): this {
    const id = `${this.#commands++}`;
    for (let i = 0; i < this.#partitions; i++) this.#apply(i, { kind: 'command', id, command: of(i) });
    return this;
  }

  put(stations: readonly Station[], areas: readonly Area[]): this {
    this.#stations = new Map(stations.map((station) => [station.id, station]));
    const all = areaDocuments(areas, stations, this.#partitions);
    this.#neighbours = neighbourPartitions(all);
    this.command((partition) => ({
      type: 'stations',
      hash: documentHash(
        stations.filter(({ region }) => partitionOf(region, this.#partitions) === partition),
      ),
    }));
    return this.command((partition) => ({ type: 'areas', hash: documentHash(all[partition]) }));
  }

  rules(rules: readonly Rule[]): this {
    return this.command(() => ({ type: 'rules', hash: documentHash(rules) }));
  }

  tick(at: number, gap?: true): this {
    for (let i = 0; i < this.#partitions; i++) this.#apply(i, { kind: 'tick', at, ...(gap ? { gap } : {}) });
    return this;
  }

  /** Each report after a tick at its receipt: to its home, and marked to its neighbours. */
  feed(...reports: readonly Report[]): this {
    for (const report of reports) {
      this.tick(report.receivedAt);
      const { region } = this.#stations.get(report.station) as Station;
      this.#apply(partitionOf(region, this.#partitions), { kind: 'report', report });
      for (const partition of this.#neighbours.get(report.station) ?? [])
        this.#apply(partition, { kind: 'report', report, neighbour: true });
    }
    return this;
  }

  /** Every fold goes through a checkpoint. */
  restart(): this {
    this.#folds.forEach((fold, i) => {
      const snapshot = JSON.parse(JSON.stringify(fold.snapshot())) as FoldSnapshot;
      this.#folds[i] = PartitionFold.restore(snapshot, this.#options);
    });
    return this;
  }

  #apply(partition: number, record: LogRecord): void {
    const effects = (this.#folds[partition] as PartitionFold).apply(record);
    this.effects.push(...effects);
    this.lines.push(JSON.stringify(effects));
  }

  get snapshots(): string {
    return JSON.stringify(this.#folds.map((fold) => fold.snapshot()));
  }

  get events(): AlertEvent[] {
    return this.effects.flatMap((effect) => (effect.kind === 'alert' ? [effect.revision.event] : []));
  }

  /** In the contract's order. */
  get sorted(): AlertEvent[] {
    return this.events.sort(compareEvents);
  }

  counted(what: string): number {
    return this.effects.filter((effect) => effect.kind === 'counted' && effect.what === what).length;
  }

  get observations(): number {
    return this.effects.flatMap(observationsIn).length;
  }
}
