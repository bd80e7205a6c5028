import { invariant } from '../lib/errors.ts';
import type { Area, AreaDocument } from '../model/area.ts';
import type { Effect } from '../model/effect.ts';
import type { Forecast } from '../model/forecast.ts';
import type { CommandRecord, LogRecord, TickRecord } from '../model/record.ts';
import type { Report } from '../model/report.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../model/time.ts';
import { AreaEvaluator, areaKey } from './area-evaluator.ts';
import { type AreaSnapshot, AreaState } from './area-state.ts';
import type { Climatology } from './climatology-reader.ts';
import { MAX_FORECAST_AGE_MS, StationForecasts } from './forecasts.ts';
import { ManualAlerts, type ManualSnapshot } from './manual.ts';
import { Placement } from './placement.ts';
import { Registry } from './registry.ts';
import { StationEvaluator } from './station-evaluator.ts';
import { type StationSnapshot, StationState } from './station-state.ts';
import type { FoldContext } from './subject-evaluator.ts';
import { TimerHeap } from './timers.ts';
import { isAsleep } from './track.ts';

/** Two folds promise equal bytes under one version; raise it with every change that can change an effect. */
export const foldVersion = 9;

export interface FoldOptions {
  /** How late a report may come and still count, ms. Default 24 h. */
  readonly latenessMs?: number;
  /** Readings are judged, and only good ones count; default. Otherwise all count, but those a checkpoint has flagged. */
  readonly hasQuality?: boolean;
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
  readonly #manual: ManualAlerts;
  readonly #registry: Registry;
  readonly #commands = new Set<string>();
  #startAt = Number.NEGATIVE_INFINITY;
  #registryHash = '';
  #climatologyHash = '';
  readonly #placement: Placement;

  constructor(options: FoldOptions) {
    this.#options = options;
    this.#context = {
      clockAt: Number.NEGATIVE_INFINITY,
      delayMs: 0,
      ruleSet: '',
      latenessMs: options.latenessMs ?? DAY_MS,
      isPlain: options.isPlain ?? false,
      emit: (effect) => void this.#placement.effects.push(effect),
      timers: new TimerHeap(),
      waiting: new Set(),
    };
    this.#stations = new StationEvaluator(this.#context);
    this.#areas = new AreaEvaluator(this.#context);
    this.#manual = new ManualAlerts(this.#context);
    this.#registry = new Registry(this.#stations, this.#areas);
    this.#placement = new Placement(this.#context, this.#registry, options.hasQuality ?? true);
  }

  get clockAt(): number {
    return this.#context.clockAt;
  }

  /** At this station no alert is open, none begins, and nothing waits to be told. */
  isAtRest(station: string): boolean {
    const state = this.#registry.find(station);
    if (!state) return true;
    for (const track of state.tracks.values())
      if (track.isWaiting || !isAsleep(track, state.newestAt)) return false;
    return true;
  }

  apply(record: LogRecord): readonly Effect[] {
    this.#placement.effects = [];
    if (record.kind === 'report') this.#report(record.report, record.neighbour === true);
    else if (record.kind === 'forecast') this.#forecast(record.forecast);
    else if (record.kind === 'tick') this.#tick(record);
    else this.#command(record);
    return this.#placement.effects;
  }

  #report(report: Report, isNeighbour: boolean): void {
    this.#placement.isNeighbour = isNeighbour;
    const state = this.#registry.find(report.station);
    if (!state || (state.isNeighbour && !isNeighbour)) {
      this.#placement.count('unknown-station');
      return;
    }
    if (report.observedAt > report.receivedAt + FUTURE_MS) {
      this.#placement.count('future');
      return;
    }
    const { clockAt, latenessMs } = this.#context;
    if (report.observedAt < clockAt - latenessMs) {
      this.#archiveOnly(report);
      return;
    }
    const newestBefore = state.newestAt;
    const judgedFrom = this.#placement.place(state, report);
    const derivedFrom = Math.min(judgedFrom, this.#placement.derive(state, report));
    const isNewest = state.noteReport(report.observedAt, report.intervalMs);
    const { changed } = this.#placement;
    if (!isNewest && changed.size === 0) return;
    this.#stations.note(state, report, newestBefore);
    if (!state.isNeighbour) {
      this.#stations.evaluate(state, report.observedAt, newestBefore, changed);
      // What a day ends with stands at an instant before this report, and so does what it says of earlier readings.
      if (derivedFrom < report.observedAt)
        this.#stations.evaluate(
          state,
          derivedFrom,
          state.newestAt,
          new Set([...changed, ...this.#registry.wanted.daily]),
        );
      this.#stations.schedule(state);
    }
    const from = Math.min(derivedFrom, report.observedAt);
    const to = this.#placement.changedTo;
    for (const area of state.areas) this.#areas.report(area, state, { from, to }, report, newestBefore);
    // Last: after a gap longer than lateness the instants in it still need what stood before it.
    if (isNewest) this.#forget(state, report.observedAt);
  }

  /**
   * A forecast counts from its reference time on, whenever it comes: what was evaluated since is evaluated again. Rules look at it
   * at the instants up to the station's newest report; it is no report, and ends no silence.
   */
  #forecast(forecast: Forecast): void {
    this.#placement.isNeighbour = false;
    const state = this.#registry.find(forecast.station);
    if (!state || state.isNeighbour) {
      this.#placement.count('unknown-station');
      return;
    }
    const { issuedAt, quantity } = forecast;
    if (issuedAt > forecast.receivedAt + FUTURE_MS) {
      this.#placement.count('future');
      return;
    }
    const { clockAt, latenessMs } = this.#context;
    if (issuedAt + MAX_FORECAST_AGE_MS <= clockAt - latenessMs) {
      this.#placement.count('beyond-lateness');
      return;
    }
    const aheadMs = this.#registry.aheadMs.get(quantity);
    if (aheadMs === undefined) return;
    state.forecasts ??= new StationForecasts();
    const insertion = state.forecasts.insert(forecast, aheadMs);
    if (insertion === 'repeat') this.#placement.count('repeat');
    else if (insertion === 'old') this.#placement.count('beyond-lateness');
    else if (issuedAt <= state.newestAt) {
      this.#stations.evaluate(state, issuedAt, state.newestAt, new Set([quantity]));
      this.#stations.schedule(state);
    }
  }

  #forget(state: StationState, observedAt: number): void {
    const { clockAt, latenessMs } = this.#context;
    const { longestWindowMs, readingsKept } = this.#registry;
    state.forget(Math.min(clockAt, observedAt) - latenessMs, longestWindowMs, readingsKept);
  }

  #archiveOnly(report: Report): void {
    this.#placement.observeAll(report, 'late');
    this.#placement.count('beyond-lateness');
  }

  #tick({ at, gap }: TickRecord): void {
    const context = this.#context;
    if (at <= context.clockAt) return;
    const { stations, areas } = this.#registry;
    for (;;) {
      // What is told now can set a timer that is due before `at`, too.
      if (!gap) this.#tellInTime(Math.min(context.timers.nextDueAt, at));
      if (context.timers.nextDueAt > at) break;
      const { due, key } = context.timers.pop() as { due: number; key: string };
      const id = areaOf(key);
      if (this.#manual.isKey(key)) this.#manual.timer(this.#manual.of(key), due, gap === true);
      else if (id === null) this.#stations.timer(stations.get(key), due, gap === true);
      else this.#areas.timer(areas.get(id), due, gap === true);
    }
    context.clockAt = at;
    if (gap) this.#rearm(at);
    this.#tellWaiting();
  }

  /**
   * What waited for the next second is told as of it, however far apart ticks are, and before the timers due in it: were
   * they first, they could undo it untold.
   */
  #tellInTime(until: number): void {
    const context = this.#context;
    while (context.waiting.size > 0) {
      const nextSecondAt = (Math.floor(context.clockAt / SECOND_MS) + 1) * SECOND_MS;
      if (nextSecondAt > until) return;
      context.clockAt = nextSecondAt;
      this.#tellWaiting();
    }
  }

  /** We were down: silence is counted from now on, and what expired meanwhile expires now. */
  #rearm(at: number): void {
    for (const state of this.#registry.stations.values()) state.armedAt = Math.max(state.armedAt, at);
    this.#schedule();
  }

  #schedule(): void {
    for (const state of this.#registry.homes()) this.#stations.schedule(state);
    for (const area of this.#registry.areas.values()) this.#areas.schedule(area);
    this.#manual.scheduleAll();
  }

  #tellWaiting(): void {
    const { waiting } = this.#context;
    if (waiting.size === 0) return;
    const keys = [...waiting].sort();
    waiting.clear();
    for (const key of keys) {
      const id = areaOf(key);
      if (this.#manual.isKey(key)) this.#manual.tellWaitingOf(key);
      else if (id === null) this.#stations.tellWaiting(this.#registry.stations.get(key) as StationState);
      else {
        const area = this.#registry.areas.get(id);
        // An area whose rules are gone waits for nothing.
        if (area) this.#areas.tellWaiting(area);
      }
    }
  }

  #command({ id, command }: CommandRecord): void {
    if (command.type === 'act') {
      const { kind, id: subject } = command.subject;
      const byHand = this.#manual.find(command.alert);
      if (byHand) this.#manual.act(byHand, { id, command });
      else if (kind === 'station') this.#stations.act(this.#registry.stations.get(subject), { id, command });
      else this.#areas.act(this.#registry.areas.get(subject), { id, command });
      return;
    }
    if (command.type === 'raise') {
      this.#manual.raise(id, command);
      return;
    }
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
    const manual = this.#manual.snapshot();
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
      ...(manual.length > 0 ? { manual } : {}),
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
    if (from.manual) fold.#manual.restore(from.manual);
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
  readonly manual?: readonly ManualSnapshot[];
}
