import { invariant } from '../lib/errors.ts';
import type { Area, AreaDocument } from '../model/area.ts';
import type { Effect } from '../model/effect.ts';
import type { CommandRecord, LogRecord, TickRecord } from '../model/record.ts';
import type { Report } from '../model/report.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { DAY_MS, MINUTE_MS } from '../model/time.ts';
import { AreaEvaluator, areaKey } from './area-evaluator.ts';
import { type AreaSnapshot, AreaState } from './area-state.ts';
import type { Climatology } from './climatology-reader.ts';
import { Registry } from './registry.ts';
import type { ReadingSeries } from './series.ts';
import { StationDerivation } from './station-derivation.ts';
import { StationEvaluator } from './station-evaluator.ts';
import { type StationSnapshot, StationState } from './station-state.ts';
import type { FoldContext } from './subject-evaluator.ts';
import { TimerHeap } from './timers.ts';

/** Two folds promise equal bytes under one version; raise it with every change that can change an effect. */
export const foldVersion = 3;

export interface FoldOptions {
  /** How late a report may come and still count, ms. Default 24 h. */
  readonly latenessMs?: number;
  /** Every report evaluates every rule, whether it can touch it or not: slow, with the same effects. For tests. */
  readonly isPlain?: boolean;
  /** Immutable documents by content hash; everything that the fold reads beside records. */
  readonly rules: (hash: string) => readonly Rule[];
  readonly stations: (hash: string) => readonly Station[];
  /** Named areas; needed where the log names such a document. */
  readonly areas?: (hash: string) => AreaDocument;
  /** What is known of the climate of stations; needed where the log names such a document. */
  readonly climatology?: (hash: string) => Climatology;
}

const NOTHING = new Set<string>();
const FUTURE_MS = 5 * MINUTE_MS;

/**
 * The fold of one partition: `apply(record)` changes the state and returns the effects. Without clock, chance or I/O:
 * the same records give the same effects, whatever process, batch or mode they come through (design sections 1 and 5).
 */
export class PartitionFold {
  readonly #options: FoldOptions;
  readonly #context: FoldContext;
  readonly #stations: StationEvaluator;
  readonly #areas: AreaEvaluator;
  readonly #registry: Registry;
  readonly #commands = new Set<string>();
  #startAt = Number.NEGATIVE_INFINITY;
  #registryHash = '';
  #climatologyHash = '';
  #effects: Effect[] = [];
  /** A report of a neighbour is archived and counted in its own partition. */
  #isNeighbour = false;

  constructor(options: FoldOptions) {
    this.#options = options;
    this.#context = {
      clockAt: Number.NEGATIVE_INFINITY,
      delayMs: 0,
      ruleSet: '',
      latenessMs: options.latenessMs ?? DAY_MS,
      isPlain: options.isPlain ?? false,
      emit: (effect) => void this.#effects.push(effect),
      timers: new TimerHeap(),
      waiting: new Set(),
    };
    this.#stations = new StationEvaluator(this.#context);
    this.#areas = new AreaEvaluator(this.#context);
    this.#registry = new Registry(this.#stations, this.#areas);
  }

  get clockAt(): number {
    return this.#context.clockAt;
  }

  apply(record: LogRecord): readonly Effect[] {
    this.#effects = [];
    if (record.kind === 'report') this.#report(record.report, record.neighbour === true);
    else if (record.kind === 'tick') this.#tick(record);
    else this.#command(record);
    return this.#effects;
  }

  #report(report: Report, isNeighbour: boolean): void {
    this.#isNeighbour = isNeighbour;
    const state = this.#registry.stations.get(report.station);
    if (!state || (state.isNeighbour && !isNeighbour)) {
      this.#count('unknown-station');
      return;
    }
    if (report.observedAt > report.receivedAt + FUTURE_MS) {
      this.#count('future');
      return;
    }
    const { clockAt, latenessMs } = this.#context;
    if (report.observedAt < clockAt - latenessMs) {
      this.#archiveOnly(report);
      return;
    }
    const newestBefore = state.newestAt;
    const changed = this.#place(state, report);
    const derivedFrom = this.#derive(state, report, changed);
    const isNewest = state.noteReport(report.observedAt, report.intervalMs);
    if (!isNewest && changed.size === 0) return;
    this.#stations.note(state, report, newestBefore);
    if (!state.isNeighbour) {
      this.#stations.evaluate(state, report.observedAt, newestBefore, changed);
      // What a day ends with stands at an instant before this report.
      if (derivedFrom < report.observedAt)
        this.#stations.evaluate(state, derivedFrom, state.newestAt, this.#registry.wanted.daily);
      this.#stations.schedule(state);
    }
    const from = Math.min(derivedFrom, report.observedAt);
    for (const area of state.areas) this.#areas.report(area, state, from, newestBefore);
    // Last: after a gap longer than lateness the instants in it still need what stood before it.
    if (isNewest) this.#forget(state, report.observedAt);
  }

  #forget(state: StationState, observedAt: number): void {
    const { clockAt, latenessMs } = this.#context;
    const { longestWindowMs, readingsKept } = this.#registry;
    state.forget(Math.min(clockAt, observedAt) - latenessMs, longestWindowMs, readingsKept);
  }

  #count(what: (Effect & { kind: 'counted' })['what']): void {
    if (!this.#isNeighbour) this.#context.emit({ kind: 'counted', what });
  }

  #archiveOnly(report: Report): void {
    report.quantities.forEach((quantity, i) => {
      this.#observe(report, quantity, report.values[i] as number, 'late');
    });
    this.#count('beyond-lateness');
  }

  #observe(
    report: Report,
    quantity: string,
    value: number,
    arrival: 'on-time' | 'late' | 'correction',
  ): void {
    if (this.#isNeighbour) return;
    const { station, observedAt, intervalMs, receivedAt } = report;
    this.#effects.push({
      kind: 'observation',
      observation: { station, quantity, observedAt, intervalMs, receivedAt, value, flag: 'good', arrival },
    });
  }

  /** Puts the readings in their place; returns the quantities that changed, when the report is not the newest. */
  #place(state: StationState, report: Report): Set<string> {
    // Nobody asks what changed at a newest report: all rules are looked at.
    const changed = report.observedAt > state.newestAt ? NOTHING : new Set<string>();
    const { quantities, values, observedAt, intervalMs } = report;
    const all = state.seriesOfLayout(quantities);
    const coverMs = state.station.intervalMs ?? intervalMs;
    for (let i = 0; i < quantities.length; i++) {
      const quantity = quantities[i] as string;
      const value = values[i] as number;
      const series = all[i] as ReadingSeries;
      const insertion = series.insert(
        observedAt,
        intervalMs,
        series.isInterval ? intervalMs : coverMs,
        value,
      );
      if (insertion === 'repeat' || insertion === 'stale-repeat') {
        this.#count(insertion);
        continue;
      }
      if (changed !== NOTHING) changed.add(quantity);
      this.#observe(report, quantity, value, insertion === 'new' ? 'on-time' : 'correction');
    }
    return changed;
  }

  /** Puts what follows from the report in its place; returns the earliest instant of it, infinite when there is none. */
  #derive(state: StationState, report: Report, changed: Set<string>): number {
    const { wanted } = this.#registry;
    let from = Number.POSITIVE_INFINITY;
    if (wanted.instant.size === 0 && wanted.daily.size === 0) return from;
    // A station that measures itself what rules name has nothing to derive, and nothing of it to remember.
    if (state.derivation === null && wanted.daily.size === 0 && this.#registry.isMeasured(report.quantities))
      return from;
    state.derivation ??= new StationDerivation();
    const { quantities, observedAt } = report;
    const newestAt = Math.max(state.newestAt, observedAt);
    const intervalMs = state.station.intervalMs ?? report.intervalMs;
    for (const one of state.derivation.placements(
      state.series,
      state.station,
      quantities,
      observedAt,
      newestAt,
      wanted,
    )) {
      const series = state.seriesOf(one.quantity);
      const insertion = series.insert(one.observedAt, intervalMs, one.coverMs ?? intervalMs, one.value);
      state.watch?.note(one.quantity, one.observedAt, one.value, state.newestAt);
      if (insertion === 'repeat' || insertion === 'stale-repeat') continue;
      if (changed !== NOTHING) changed.add(one.quantity);
      from = Math.min(from, one.observedAt);
      this.#observe(
        { ...report, observedAt: one.observedAt, intervalMs },
        one.quantity,
        one.value,
        insertion === 'new' ? 'on-time' : 'correction',
      );
    }
    return from;
  }

  #tick({ at, gap }: TickRecord): void {
    const context = this.#context;
    if (at <= context.clockAt) return;
    const { stations, areas } = this.#registry;
    while (context.timers.nextDueAt <= at) {
      const { due, key } = context.timers.pop() as { due: number; key: string };
      const id = areaOf(key);
      if (id === null) this.#stations.timer(stations.get(key), due, gap === true);
      else this.#areas.timer(areas.get(id), due, gap === true);
    }
    context.clockAt = at;
    if (gap) this.#rearm(at);
    this.#tellWaiting();
  }

  /** We were down: silence is counted from now on, and what expired meanwhile expires now. */
  #rearm(at: number): void {
    for (const state of this.#registry.stations.values()) state.armedAt = Math.max(state.armedAt, at);
    this.#schedule();
  }

  #schedule(): void {
    for (const state of this.#registry.homes()) this.#stations.schedule(state);
    for (const area of this.#registry.areas.values()) this.#areas.schedule(area);
  }

  #tellWaiting(): void {
    const { waiting } = this.#context;
    if (waiting.size === 0) return;
    const keys = [...waiting].sort();
    waiting.clear();
    for (const key of keys) {
      const id = areaOf(key);
      if (id === null) this.#stations.tellWaiting(this.#registry.stations.get(key) as StationState);
      else {
        const area = this.#registry.areas.get(id);
        // An area whose rules are gone waits for nothing.
        if (area) this.#areas.tellWaiting(area);
      }
    }
  }

  #command({ id, command }: CommandRecord): void {
    if (this.#commands.has(id)) return;
    this.#commands.add(id);
    const armedAt = Number.isFinite(this.clockAt) ? this.clockAt : this.#startAt;
    if (command.type === 'recording') {
      this.#context.delayMs = command.delayMs;
      this.#startAt = command.startAt;
      for (const state of this.#registry.stations.values())
        state.armedAt = Math.max(state.armedAt, command.startAt);
    } else if (command.type === 'stations') {
      this.#registryHash = command.hash;
      this.#registry.setStations(this.#options.stations(command.hash), armedAt);
    } else if (command.type === 'climatology') this.#setClimatology(command.hash);
    else if (command.type === 'areas') {
      const document = this.#options.areas?.(command.hash);
      invariant(document, 'the log names areas, and this fold was given none');
      this.#registry.setAreas(document, armedAt);
    } else {
      // Alerts of rules that are gone end under the rule set that they were raised under.
      this.#registry.setRules(this.#options.rules(command.hash));
      this.#context.ruleSet = command.hash;
    }
    for (const area of this.#registry.areas.values()) this.#areas.refresh(area);
    this.#schedule();
  }

  #setClimatology(hash: string): void {
    const document = this.#options.climatology?.(hash);
    invariant(document, 'the log names a climatology, and this fold was given none');
    this.#climatologyHash = hash;
    this.#registry.setClimatology(document);
  }

  /** Plain JSON of the whole state, for a checkpoint. */
  snapshot(): FoldSnapshot {
    const finite = (at: number): number | null => (Number.isFinite(at) ? at : null);
    const { clockAt, delayMs, ruleSet, waiting } = this.#context;
    return {
      foldVersion,
      clockAt: finite(clockAt),
      delayMs,
      startAt: finite(this.#startAt),
      ruleSet,
      registry: this.#registryHash,
      ...(this.#climatologyHash ? { climatology: this.#climatologyHash } : {}),
      commands: [...this.#commands],
      waiting: [...waiting],
      stations: [...this.#registry.stations.values()].map((state) => state.snapshot()),
      named: this.#registry.named,
      areas: [...this.#registry.areas.values()].map((area) => area.snapshot()),
    };
  }

  static restore(from: FoldSnapshot, options: FoldOptions): PartitionFold {
    const fold = new PartitionFold(options);
    const context = fold.#context;
    context.clockAt = from.clockAt ?? Number.NEGATIVE_INFINITY;
    context.delayMs = from.delayMs;
    context.ruleSet = from.ruleSet;
    fold.#startAt = from.startAt ?? Number.NEGATIVE_INFINITY;
    if (from.ruleSet) fold.#registry.setRules(options.rules(from.ruleSet));
    fold.#registryHash = from.registry;
    for (const id of from.commands) fold.#commands.add(id);
    for (const key of from.waiting) context.waiting.add(key);
    fold.#registry.restore(
      from.stations.map((station) => StationState.restore(station, fold.#registry.pool)),
      from.named,
      from.areas.map((area) => AreaState.restore(area)),
    );
    if (from.climatology) fold.#setClimatology(from.climatology);
    fold.#schedule();
    return fold;
  }
}

const AREA_PREFIX = areaKey('');

/** The area that a timer's key names; null: it names a station. */
const areaOf = (key: string): string | null =>
  key.startsWith(AREA_PREFIX) ? key.slice(AREA_PREFIX.length) : null;

export interface FoldSnapshot {
  readonly foldVersion: number;
  readonly clockAt: number | null;
  readonly delayMs: number;
  readonly startAt: number | null;
  readonly ruleSet: string;
  readonly registry: string;
  readonly climatology?: string;
  readonly commands: readonly string[];
  readonly waiting: readonly string[];
  readonly stations: readonly StationSnapshot[];
  readonly named: readonly Area[];
  readonly areas: readonly AreaSnapshot[];
}
