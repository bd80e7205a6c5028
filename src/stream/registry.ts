import type { Area, AreaDocument } from '../model/area.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { DAY_MS, SECOND_MS } from '../model/time.ts';
import { HISTORY_MS } from '../quality/persistence-run.ts';
import { STEP_MS } from '../quality/station-judge.ts';
import { readsOf } from '../rules/reads.ts';
import type { AreaEvaluator } from './area-evaluator.ts';
import { AreaState } from './area-state.ts';
import { CellPool } from './cell-pool.ts';
import type { Climatology } from './climatology-reader.ts';
import { type CompiledRule, compileRule } from './compiled-rule.ts';
import { DAILY_WINDOW_MS } from './daily-chain.ts';
import { type WantedQuantities, wantedAmong } from './station-derivation.ts';
import type { StationEvaluator } from './station-evaluator.ts';
import { NO_AREAS, StationState } from './station-state.ts';
import { WindowSlots } from './window-slots.ts';

/** So much of the past the checks of a late reading ask for. */
const QUALITY_MS = HISTORY_MS + STEP_MS;

/** Who is watched in a partition and by which rules: stations, areas, and the rule set in force. */
export class Registry {
  readonly stations = new Map<string, StationState<AreaState>>();
  /** The areas that a rule is about; without area rules there are none. */
  readonly areas = new Map<string, AreaState>();
  /** Memory of the readings of all its stations. */
  readonly pool = new CellPool();
  readonly #stationEvaluator: StationEvaluator;
  readonly #areaEvaluator: AreaEvaluator;
  #named: readonly Area[] = [];
  #climatology: Climatology | null = null;
  #areaRules: readonly CompiledRule[] = [];
  /** How far back any rule looks, ms, and how many readings of a quantity it needs. */
  longestWindowMs = QUALITY_MS;
  readingsKept: ReadonlyMap<string, number> = new Map();
  /** The derived quantities that rules name. */
  wanted: WantedQuantities = wantedAmong([]);
  /** How far ahead rules read forecasts, ms, by quantity: of no others they are kept. */
  aheadMs: ReadonlyMap<string, number> = new Map();
  /** By layout of reports: all derived quantities that rules name are among those measured. */
  #measured = new WeakMap<readonly string[], boolean>();
  #measuredLast: readonly string[] | null = null;

  /** The station that reported last. */
  #last: StationState<AreaState> | null = null;

  constructor(stations: StationEvaluator, areas: AreaEvaluator) {
    this.#stationEvaluator = stations;
    this.#areaEvaluator = areas;
  }

  /** Reports of one layout, which share the array that names their quantities, bring every quantity that rules would derive. */
  isMeasured(layout: readonly string[]): boolean {
    if (layout === this.#measuredLast) return true;
    let isMeasured = this.#measured.get(layout);
    if (isMeasured === undefined) {
      isMeasured = [...this.wanted.instant].every((quantity) => layout.includes(quantity));
      this.#measured.set(layout, isMeasured);
    }
    if (isMeasured) this.#measuredLast = layout;
    return isMeasured;
  }

  /** The station of a report. Stations mostly report in the order in which they did before, so the next is tried first. */
  find(id: string): StationState<AreaState> | undefined {
    const expected = this.#last?.next;
    if (expected && (expected.heardAs === id || expected.station.id === id)) {
      expected.heardAs = id;
      this.#last = expected;
      return expected;
    }
    const found = this.stations.get(id);
    if (!found) return undefined;
    if (this.#last) this.#last.next = found;
    this.#last = found;
    return found;
  }

  #forgetOrder(): void {
    this.#last = null;
    for (const state of this.stations.values()) state.next = null;
  }

  get named(): readonly Area[] {
    return this.#named;
  }

  /** The stations whose home is this partition. */
  *homes(): Iterable<StationState<AreaState>> {
    for (const state of this.stations.values()) if (!state.isNeighbour) yield state;
  }

  setStations(stations: readonly Station[], armedAt: number): void {
    for (const station of stations) this.#put(station, armedAt, false);
    this.#assignAreas();
  }

  setAreas({ areas, neighbours }: AreaDocument, armedAt: number): void {
    this.#forgetOrder();
    const listed = new Set(neighbours.map(({ id }) => id));
    for (const state of this.stations.values())
      if (state.isNeighbour && !listed.has(state.station.id)) this.stations.delete(state.station.id);
    for (const station of neighbours) {
      const known = this.stations.get(station.id);
      if (!known || known.isNeighbour) this.#put(station, armedAt, true);
    }
    this.#named = areas;
    this.#assignAreas();
  }

  #put(station: Station, armedAt: number, isNeighbour: boolean): void {
    let state = this.stations.get(station.id);
    if (!state) {
      state = new StationState<AreaState>(station, armedAt, this.pool);
      this.stations.set(station.id, state);
    }
    state.station = station;
    state.isNeighbour = isNeighbour;
    state.climatology = this.#climatology?.stations[station.id] ?? null;
  }

  /** In force from the next evaluation on. */
  setClimatology(climatology: Climatology): void {
    this.#climatology = climatology;
    for (const state of this.stations.values())
      state.climatology = climatology.stations[state.station.id] ?? null;
  }

  /** Takes over what a checkpoint held; the rules are set before. */
  restore(
    stations: readonly StationState<AreaState>[],
    named: readonly Area[],
    areas: readonly AreaState[],
  ): void {
    for (const state of stations) this.stations.set(state.station.id, state);
    for (const area of areas) this.areas.set(area.id, area);
    this.#named = named;
    this.#assignAreas();
  }

  /** A new version goes on with the open alert; a rule that is gone ends its alerts as withdrawn. */
  setRules(all: readonly Rule[]): void {
    const slots = new WindowSlots();
    // Areas have no windows that follow their newest instant: stations must not keep them either.
    const areaSlots = new WindowSlots();
    const rules = all.filter(({ subject }) => subject === 'station').map((rule) => compileRule(rule, slots));
    const areaRules = all
      .filter(({ subject }) => subject === 'area')
      .map((rule) => compileRule(rule, areaSlots));
    for (const { before, after } of changes(this.#stationEvaluator.rules, rules)) {
      for (const state of this.homes()) {
        if (after) state.adopt(before, after);
        else this.#stationEvaluator.withdraw(state, before);
      }
    }
    this.#stationEvaluator.setRules(rules, slots);
    this.#areaRules = areaRules;
    const compiled = [...rules, ...areaRules];
    this.wanted = wantedAmong(all.flatMap((rule) => [...readsOf(rule).quantities]));
    const aheadMs = new Map<string, number>();
    for (const { quantity, spanMs } of compiled.flatMap(({ forecasts }) => forecasts))
      aheadMs.set(quantity, Math.max(spanMs, aheadMs.get(quantity) ?? 0));
    this.aheadMs = aheadMs;
    this.#measured = new WeakMap();
    this.#measuredLast = null;
    this.longestWindowMs = Math.max(
      QUALITY_MS,
      this.wanted.daily.size > 0 ? DAILY_WINDOW_MS : 0,
      ...compiled.map((rule) => rule.longestWindowMs),
    );
    const kept = new Map<string, number>();
    for (const rule of compiled)
      for (const [quantity, count] of rule.readingsKept)
        kept.set(quantity, Math.max(count, kept.get(quantity) ?? 0));
    this.readingsKept = kept;
    this.#assignAreas();
  }

  /** Gives each area its stations and its rules; what is no subject any more ends its alerts as withdrawn. */
  #assignAreas(): void {
    const wanted =
      this.#areaRules.length > 0 ? this.#stationsOfAreas() : new Map<string, StationState<AreaState>[]>();
    const named = new Set(this.#named.map(({ id }) => id));
    const rulesOf = (id: string): CompiledRule[] =>
      this.#areaRules.filter(({ rule: { area } }) =>
        area.kind === 'named' ? area.name === id : !named.has(id),
      );
    for (const id of wanted.keys()) {
      if (!this.areas.has(id) && rulesOf(id).length > 0) this.areas.set(id, new AreaState(id));
    }
    for (const area of [...this.areas.values()]) {
      const rules = wanted.has(area.id) ? rulesOf(area.id) : [];
      for (const { before, after } of changes(area.rules, rules)) {
        if (after) area.adopt(before, after);
        else this.#areaEvaluator.withdraw(area, before);
      }
      area.rules = rules;
      area.setMembers(wanted.get(area.id) ?? []);
      if (rules.length === 0) this.#leave(area);
    }
    this.#linkStations();
  }

  /** No rule is about an area any more: what it told is remembered of it, in case one is again. */
  #leave(area: AreaState): void {
    this.areas.delete(area.id);
    if (!area.hasWithdrawn) return;
    const left = new AreaState(area.id);
    left.remember(area.snapshotWithdrawn());
    this.areas.set(area.id, left);
  }

  /** The stations of every region and of every named area, by id; a named area stands for a region of its id. */
  #stationsOfAreas(): Map<string, StationState<AreaState>[]> {
    const found = new Map<string, StationState<AreaState>[]>();
    for (const state of this.homes()) {
      const { region } = state.station;
      const list = found.get(region);
      if (list) list.push(state);
      else found.set(region, [state]);
    }
    for (const { id, stations } of this.#named)
      found.set(
        id,
        [...new Set(stations)].flatMap((station) => this.stations.get(station) ?? []),
      );
    for (const list of found.values()) list.sort((a, b) => (a.station.id < b.station.id ? -1 : 1));
    return found;
  }

  #linkStations(): void {
    const areas = [...this.areas.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const state of this.stations.values()) {
      state.areas = NO_AREAS;
      state.areaLagMs = 0;
    }
    for (const area of areas) {
      // The area waits for its slowest station: the others keep their past for so long.
      const lagMs =
        Math.max(0, ...area.members.map(({ station }) => 2 * (station.intervalMs ?? DAY_MS))) + SECOND_MS;
      for (const state of area.members) {
        state.areas = [...state.areas, area];
        state.areaLagMs = Math.max(state.areaLagMs, lagMs);
      }
    }
  }
}

interface Change {
  readonly before: CompiledRule;
  /** The new version; undefined: the rule is gone. */
  readonly after: CompiledRule | undefined;
}

/** What becomes of rules; those that are gone first. */
function changes(before: readonly CompiledRule[], after: readonly CompiledRule[]): Change[] {
  const byName = new Map(after.map((one) => [one.rule.name, one]));
  const all = before.map((one) => ({ before: one, after: byName.get(one.rule.name) }));
  return [...all.filter((change) => !change.after), ...all.filter((change) => change.after)];
}
