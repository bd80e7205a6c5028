import type { AlertEvent } from '../model/alert.ts';
import type { Area } from '../model/area.ts';
import type { Effect } from '../model/effect.ts';
import type { Forecast } from '../model/forecast.ts';
import type { LogRecord } from '../model/record.ts';
import type { Report } from '../model/report.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import type { Climatology } from '../stream/climatology-reader.ts';
import { PartitionFold } from '../stream/fold.ts';
import { DocumentCache, toDocument } from './documents.ts';
import { areaDocuments, neighbourPartitions, partitionOf } from './partition.ts';

export interface ReplayOptions {
  readonly rules: readonly Rule[];
  readonly stations: readonly Station[];
  /** Named areas beside the regions. */
  readonly areas?: readonly Area[];
  /** What `percentile(…, day-of-year)` and `returnPeriod(…)` read; unknown without it. */
  readonly climatology?: Climatology;
  /** Default 64; the result does not depend on it. */
  readonly partitions?: number;
  readonly latenessMs?: number;
  /** The recording's delay: `receivedAt` - `observedAt`. */
  readonly delayMs?: number;
  readonly onEffect?: (effect: Effect) => void;
}

/** The contract's order: (`at`, `rule`, `subject.id`, `revision`), by code units. */
export function compareEvents(a: AlertEvent, b: AlertEvent): number {
  return (
    a.at - b.at ||
    compareText(a.rule, b.rule) ||
    compareText(a.subject.id, b.subject.id) ||
    a.revision - b.revision
  );
}
const NONE: readonly number[] = [];

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Folds a recording in one process and keeps its alert events. Feed reports in order of (`receivedAt`, station). */
export class Replay {
  readonly #options: ReplayOptions;
  readonly #folds: PartitionFold[];
  /** Those that hold a station or an area: the others have nothing that time could change. */
  readonly #held: readonly PartitionFold[];
  readonly #partitionOf: ReadonlyMap<string, number>;
  readonly #neighbours: ReadonlyMap<string, readonly number[]>;
  readonly events: AlertEvent[] = [];
  readonly counts = new Map<string, number>();
  #now = Number.NEGATIVE_INFINITY;

  constructor(options: ReplayOptions) {
    this.#options = options;
    const partitions = options.partitions ?? 64;
    this.#partitionOf = new Map(
      options.stations.map((station) => [station.id, partitionOf(station.region, partitions)]),
    );
    const documents = new DocumentCache();
    // Nobody approves anything here: what the rules find is asked for.
    const rules = documents.add(toDocument(options.rules.map(({ publication: _, ...rule }) => rule)));
    const slices = Array.from({ length: partitions }, () => [] as Station[]);
    for (const station of options.stations)
      slices[this.#partitionOf.get(station.id) as number]?.push(station);
    const areas = areaDocuments(options.areas ?? [], options.stations, partitions);
    this.#neighbours = neighbourPartitions(areas);
    this.#folds = slices.map((slice, partition) => {
      const fold = new PartitionFold(documents.foldOptions(options.latenessMs));
      fold.apply({
        kind: 'command',
        id: 'stations',
        command: { type: 'stations', hash: documents.add(toDocument(slice)) },
      });
      if (options.areas?.length) {
        const hash = documents.add(toDocument(areas[partition]));
        fold.apply({ kind: 'command', id: 'areas', command: { type: 'areas', hash } });
      }
      if (options.climatology) {
        const hash = documents.add(toDocument(options.climatology));
        fold.apply({ kind: 'command', id: 'climatology', command: { type: 'climatology', hash } });
      }
      fold.apply({ kind: 'command', id: 'rules', command: { type: 'rules', hash: rules } });
      return fold;
    });
    this.#held = this.#folds.filter((_, i) => slices[i]?.length || areas[i]?.areas.length);
  }

  feed(report: Report): void {
    this.advanceTo(report.receivedAt);
    const partition = this.#partitionOf.get(report.station);
    if (partition === undefined) this.#count('unknown-station');
    else this.#apply(this.#folds[partition] as PartitionFold, { kind: 'report', report });
    for (const other of this.#neighbours.get(report.station) ?? NONE)
      this.#apply(this.#folds[other] as PartitionFold, { kind: 'report', report, neighbour: true });
  }

  /** At this station no alert is open, none begins, and nothing waits to be told. */
  isAtRest(station: string): boolean {
    const partition = this.#partitionOf.get(station);
    return partition === undefined || (this.#folds[partition] as PartitionFold).isAtRest(station);
  }

  /** A forecast goes to its station's home alone; feed it in the order of its arrival among the reports. */
  feedForecast(forecast: Forecast): void {
    this.advanceTo(forecast.receivedAt);
    const partition = this.#partitionOf.get(forecast.station);
    if (partition === undefined) this.#count('unknown-station');
    else this.#apply(this.#folds[partition] as PartitionFold, { kind: 'forecast', forecast });
  }

  /** Ends the recording and returns its events in the contract's order. */
  finish(): AlertEvent[] {
    return this.events.sort(compareEvents);
  }

  #begin(startAt: number): void {
    const command = { type: 'recording', delayMs: this.#options.delayMs ?? 0, startAt } as const;
    for (const fold of this.#held) this.#apply(fold, { kind: 'command', id: 'recording', command });
  }

  /** Moves the recording's time: timers due by then fire. Goes back for nobody. */
  advanceTo(at: number): void {
    if (at <= this.#now) return;
    if (!Number.isFinite(this.#now)) this.#begin(at);
    this.#now = at;
    for (const fold of this.#held) this.#apply(fold, { kind: 'tick', at });
  }

  #apply(fold: PartitionFold, record: LogRecord): void {
    for (const effect of fold.apply(record)) {
      if (effect.kind === 'alert') this.events.push(effect.revision.event);
      else if (effect.kind === 'counted') this.#count(effect.what);
      this.#options.onEffect?.(effect);
    }
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}
