import type { Effect } from '../model/effect.ts';
import type { CommandRecord, LogRecord, TickRecord } from '../model/record.ts';
import type { Report } from '../model/report.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { DAY_MS, MINUTE_MS } from '../model/time.ts';
import { type CompiledRule, compileRule } from './compiled-rule.ts';
import { evaluateAt, InstantReader, stepTrack } from './evaluation.ts';
import { readerAtNewest, staysCalm } from './newest-instant.ts';
import type { ReadingSeries } from './series.ts';
import { type StationSnapshot, StationState, type Track } from './station-state.ts';
import { revise, type Telling, tell } from './teller.ts';
import { TimerHeap } from './timers.ts';
import { WindowSlots } from './window-slots.ts';

/** Two folds promise equal bytes under one version; raise it with every change that can change an effect. */
export const foldVersion = 1;

export interface FoldOptions {
  /** How late a report may come and still count, ms. Default 24 h. */
  readonly latenessMs?: number;
  /** Immutable documents by content hash; everything that the fold reads beside records. */
  readonly rules: (hash: string) => readonly Rule[];
  readonly stations: (hash: string) => readonly Station[];
}

const NOTHING = new Set<string>();
const FUTURE_MS = 5 * MINUTE_MS;

/**
 * The fold of one partition: `apply(record)` changes the state and returns the effects. Without clock, chance or I/O:
 * the same records give the same effects, whatever process, batch or mode they come through (design sections 1 and 5).
 */
export class PartitionFold {
  readonly #options: FoldOptions;
  readonly #latenessMs: number;
  /** Partition clock; moved by ticks (and by the timers they let fire) alone. */
  #clockAt = Number.NEGATIVE_INFINITY;
  #delayMs = 0;
  #startAt = Number.NEGATIVE_INFINITY;
  #ruleSet = '';
  #registry = '';
  #rules: readonly CompiledRule[] = [];
  #slots = new WindowSlots();
  #longestWindowMs = 0;
  readonly #stations = new Map<string, StationState>();
  readonly #commands = new Set<string>();
  readonly #timers = new TimerHeap();
  readonly #waiting = new Set<string>();
  #effects: Effect[] = [];

  constructor(options: FoldOptions) {
    this.#options = options;
    this.#latenessMs = options.latenessMs ?? DAY_MS;
  }

  get clockAt(): number {
    return this.#clockAt;
  }

  apply(record: LogRecord): readonly Effect[] {
    this.#effects = [];
    if (record.kind === 'report') this.#report(record.report, record.neighbour === true);
    else if (record.kind === 'tick') this.#tick(record);
    else this.#command(record);
    return this.#effects;
  }

  #emit = (effect: Effect): void => void this.#effects.push(effect);

  #report(report: Report, isNeighbour: boolean): void {
    const state = this.#stations.get(report.station);
    if (!state) {
      if (!isNeighbour) this.#emit({ kind: 'counted', what: 'unknown-station' });
      return;
    }
    if (report.observedAt > report.receivedAt + FUTURE_MS) {
      this.#emit({ kind: 'counted', what: 'future' });
      return;
    }
    if (report.observedAt < this.#clockAt - this.#latenessMs) {
      this.#archiveOnly(report);
      return;
    }
    const newestBefore = state.newestAt;
    const changed = this.#place(state, report);
    if (state.noteReport(report.observedAt, report.intervalMs)) {
      state.forget(Math.min(this.#clockAt, report.observedAt) - this.#latenessMs, this.#longestWindowMs);
    } else if (changed.size === 0) return;
    this.#evaluate(state, report.observedAt, newestBefore, changed);
    this.#schedule(state);
  }

  #archiveOnly(report: Report): void {
    report.quantities.forEach((quantity, i) => {
      this.#observe(report, quantity, report.values[i] as number, 'late');
    });
    this.#emit({ kind: 'counted', what: 'beyond-lateness' });
  }

  #observe(
    report: Report,
    quantity: string,
    value: number,
    arrival: 'on-time' | 'late' | 'correction',
  ): void {
    const { station, observedAt, intervalMs, receivedAt } = report;
    this.#emit({
      kind: 'observation',
      observation: { station, quantity, observedAt, intervalMs, receivedAt, value, flag: 'good', arrival },
    });
  }

  /** Puts the readings in their place; returns the quantities that changed, when the report is not the newest. */
  #place(state: StationState, report: Report): Set<string> {
    // Nobody asks what changed at a newest report: all rules are looked at.
    const changed = report.observedAt > state.newestAt ? NOTHING : new Set<string>();
    const all = state.seriesOfLayout(report.quantities);
    for (let i = 0; i < report.quantities.length; i++) {
      const quantity = report.quantities[i] as string;
      const value = report.values[i] as number;
      const series = all[i] as ReadingSeries;
      const cover = series.isInterval ? report.intervalMs : (state.station.intervalMs ?? report.intervalMs);
      const insertion = series.insert(report.observedAt, report.intervalMs, cover, value);
      if (insertion === 'repeat' || insertion === 'stale-repeat') {
        this.#emit({ kind: 'counted', what: insertion });
        continue;
      }
      if (changed !== NOTHING) changed.add(quantity);
      this.#observe(report, quantity, value, insertion === 'new' ? 'on-time' : 'correction');
    }
    return changed;
  }

  #evaluate(
    state: StationState,
    observedAt: number,
    newestBefore: number,
    changed: ReadonlySet<string>,
  ): void {
    const readers = new Map<number, InstantReader>();
    const readerAt = (at: number): InstantReader => {
      let reader = readers.get(at);
      if (!reader) {
        reader = new InstantReader(state, at, this.#clockAt, this.#delayMs);
        readers.set(at, reader);
      }
      return reader;
    };
    // A report in between changes which instants before it were the newest of a report: they are stepped again too.
    const from = (observedAt > newestBefore ? newestBefore : state.reportBefore(observedAt)) + 1;
    // In order of observation nearly all rules stay calm at one instant: these are done with first and cheaply.
    const newest = observedAt > newestBefore ? readerAtNewest(state, this.#slots, newestBefore) : null;
    const tracks = state.tracksOf(this.#rules);
    for (let i = 0; i < tracks.length; i++) {
      const rule = this.#rules[i] as CompiledRule;
      const track = tracks[i] as Track;
      if (newest && staysCalm(rule, track, newest)) continue;
      let hasStepped = true;
      if (rule.silences.length > 0) {
        const at = Math.max(state.newestAt, track.evaluatedAt);
        evaluateAt(rule, track, at, true, new InstantReader(state, at, this.#clockAt, this.#delayMs));
      } else if (observedAt > newestBefore || changed.size > 0) {
        hasStepped = stepTrack(state, rule, track, from, readerAt);
      } else continue;
      const at = Number.isFinite(track.evaluatedAt) ? track.evaluatedAt : state.newestAt;
      this.#tell(
        state,
        rule,
        track,
        this.#telling(state, at, {
          isEvaluation: hasStepped,
          isLateData: observedAt < newestBefore,
          readerAt,
        }),
      );
    }
  }

  #tell(state: StationState, rule: CompiledRule, track: Track, telling: Telling): void {
    tell(state, rule, track, telling);
    if (track.isWaiting) this.#waiting.add(state.station.id);
  }

  #telling(
    state: StationState,
    at: number,
    rest: Pick<Telling, 'isEvaluation' | 'isLateData'> & Partial<Pick<Telling, 'readerAt'>>,
  ): Telling {
    return {
      clockAt: this.#clockAt,
      at,
      ruleSet: this.#ruleSet,
      emit: this.#emit,
      isStationLate: this.#clockAt >= state.lateDueAt(this.#delayMs),
      readerAt: (instant) => new InstantReader(state, instant, this.#clockAt, this.#delayMs),
      ...rest,
    };
  }

  #tick(record: TickRecord): void {
    if (record.at <= this.#clockAt) return;
    while (this.#timers.nextDueAt <= record.at) {
      const { due, key } = this.#timers.pop() as { due: number; key: string };
      const state = this.#stations.get(key);
      if (!state || due !== state.scheduledAt) continue;
      state.scheduledAt = Number.POSITIVE_INFINITY;
      if (!record.gap || due <= this.#clockAt) this.#fire(state, due);
      if (!record.gap) this.#schedule(state);
    }
    this.#clockAt = record.at;
    if (record.gap) this.#rearm(record.at);
    this.#tellWaiting();
  }

  /** We were down: silence is counted from now on, and what expired meanwhile expires now. */
  #rearm(at: number): void {
    for (const state of this.#stations.values()) {
      state.armedAt = Math.max(state.armedAt, at);
      this.#schedule(state);
    }
  }

  #tellWaiting(): void {
    if (this.#waiting.size === 0) return;
    const ids = [...this.#waiting].sort();
    this.#waiting.clear();
    for (const id of ids) {
      const state = this.#stations.get(id) as StationState;
      for (const rule of this.#rules) {
        const track = state.track(rule);
        if (!track.isWaiting) continue;
        if (track.told && track.told.state !== 'ended' && track.told.expiresAt <= this.#clockAt) {
          this.#expire(
            state,
            rule,
            track,
            this.#telling(state, track.told.expiresAt, { isEvaluation: false, isLateData: false }),
          );
          continue;
        }
        this.#tell(
          state,
          rule,
          track,
          this.#telling(state, track.evaluatedAt, { isEvaluation: false, isLateData: false }),
        );
      }
      this.#schedule(state);
    }
  }

  /** The earliest instant at which the partition clock alone changes something of the station. */
  #dueAt(state: StationState): number {
    let due = Number.POSITIVE_INFINITY;
    let hasOpen = false;
    const tracks = state.tracksOf(this.#rules);
    for (let i = 0; i < tracks.length; i++) {
      const rule = this.#rules[i] as CompiledRule;
      const track = tracks[i] as Track;
      const { told } = track;
      // What waits for the next second is looked at by the next tick, not by a timer.
      if (told && told.state !== 'ended' && !track.isWaiting) {
        due = Math.min(due, told.expiresAt);
        // A rule on silence follows the clock: it extends by the clock, and silence does not make it doubtful.
        if (rule.silences.length > 0)
          due = Math.min(due, told.issuedAt + Math.ceil((rule.rule.expiresMs * 2) / 3));
        else hasOpen ||= told.state === 'active';
      }
      for (const silence of rule.silences) {
        const at = state.silentDueAt(silence.quantity, silence.spanMs, this.#delayMs);
        if (at > track.evaluatedAt) due = Math.min(due, at);
      }
    }
    return hasOpen ? Math.min(due, Math.max(state.lateDueAt(this.#delayMs), this.#clockAt)) : due;
  }

  #schedule(state: StationState): void {
    const due = this.#dueAt(state);
    if (due === state.scheduledAt) return;
    // What stands in the heap under another due time is passed over there.
    state.scheduledAt = due;
    if (Number.isFinite(due)) this.#timers.push(due, state.station.id);
  }

  #fire(state: StationState, due: number): void {
    this.#clockAt = Math.max(this.#clockAt, due);
    for (const rule of this.#rules) {
      const track = state.track(rule);
      const telling = this.#telling(state, due, { isEvaluation: false, isLateData: false });
      if (track.told && track.told.state !== 'ended' && track.told.expiresAt <= due) {
        this.#expire(state, rule, track, telling);
        continue;
      }
      const isSilenceDue = rule.silences.some(
        (s) => state.silentDueAt(s.quantity, s.spanMs, this.#delayMs) <= due,
      );
      if (isSilenceDue && track.evaluatedAt < due) {
        evaluateAt(rule, track, due, true, new InstantReader(state, due, this.#clockAt, this.#delayMs));
        this.#tell(state, rule, track, { ...telling, isEvaluation: true });
      } else this.#tell(state, rule, track, telling);
    }
  }

  #expire(state: StationState, rule: CompiledRule, track: Track, telling: Telling): void {
    const told = track.told as NonNullable<Track['told']>;
    const facts = {
      level: track.timeline.state,
      at: telling.at,
      isTrue: [],
      isUnverified: told.state === 'unverified',
      clockAt: telling.clockAt,
      expiresMs: rule.rule.expiresMs,
      isEvaluation: false,
    };
    const decision = {
      event: 'ended',
      endReason: 'expired',
      level: told.level,
      onsetAt: told.onsetAt,
      at: told.expiresAt,
    } as const;
    if (revise(state, rule, track, decision, facts, telling)) {
      track.timeline.reset(Math.max(track.evaluatedAt, state.newestAt));
    } else this.#waiting.add(state.station.id);
  }

  #command({ id, command }: CommandRecord): void {
    if (this.#commands.has(id)) return;
    this.#commands.add(id);
    if (command.type === 'recording') {
      this.#delayMs = command.delayMs;
      this.#startAt = command.startAt;
      for (const state of this.#stations.values()) state.armedAt = Math.max(state.armedAt, command.startAt);
    } else if (command.type === 'stations') this.#setStations(command.hash);
    else this.#setRules(command.hash);
    for (const state of this.#stations.values()) this.#schedule(state);
  }

  #setStations(hash: string): void {
    this.#registry = hash;
    const armedAt = Number.isFinite(this.#clockAt) ? this.#clockAt : this.#startAt;
    for (const station of this.#options.stations(hash)) {
      const known = this.#stations.get(station.id);
      if (known) known.station = station;
      else this.#stations.set(station.id, new StationState(station, armedAt));
    }
  }

  /** A new version goes on with the open alert; a rule that is gone ends its alerts as withdrawn. */
  #setRules(hash: string): void {
    const before = this.#rules;
    const slots = new WindowSlots();
    const rules = this.#options.rules(hash).map((rule) => compileRule(rule, slots));
    const names = new Set(rules.map(({ rule }) => rule.name));
    for (const gone of before.filter(({ rule }) => !names.has(rule.name))) {
      for (const state of this.#stations.values()) this.#withdraw(state, gone);
    }
    for (const { rule } of rules) {
      const old = before.find((one) => one.rule.name === rule.name)?.rule;
      if (old)
        for (const state of this.#stations.values())
          state.moveLevels(
            rule.name,
            old.levels.map((l) => l.level),
            rule.levels.map((l) => l.level),
          );
    }
    this.#ruleSet = hash;
    this.#rules = rules;
    this.#slots = slots;
    this.#longestWindowMs = Math.max(0, ...rules.map((rule) => rule.longestWindowMs));
  }

  #withdraw(state: StationState, rule: CompiledRule): void {
    const track = state.tracks.get(rule.rule.name);
    state.tracks.delete(rule.rule.name);
    if (!track?.told || track.told.state === 'ended') return;
    const { told } = track;
    const facts = {
      level: track.timeline.state,
      at: this.#clockAt,
      isTrue: [],
      isUnverified: false,
      clockAt: this.#clockAt,
      expiresMs: rule.rule.expiresMs,
      isEvaluation: false,
    };
    const telling = this.#telling(state, this.#clockAt, { isEvaluation: false, isLateData: false });
    revise(
      state,
      rule,
      track,
      { event: 'ended', endReason: 'withdrawn', level: told.level, onsetAt: told.onsetAt, at: this.#clockAt },
      facts,
      telling,
    );
  }

  /** Plain JSON of the whole state, for a checkpoint. */
  snapshot(): FoldSnapshot {
    const finite = (at: number): number | null => (Number.isFinite(at) ? at : null);
    return {
      foldVersion,
      clockAt: finite(this.#clockAt),
      delayMs: this.#delayMs,
      startAt: finite(this.#startAt),
      ruleSet: this.#ruleSet,
      registry: this.#registry,
      commands: [...this.#commands],
      waiting: [...this.#waiting],
      stations: [...this.#stations.values()].map((state) => state.snapshot()),
    };
  }

  static restore(from: FoldSnapshot, options: FoldOptions): PartitionFold {
    const fold = new PartitionFold(options);
    fold.#clockAt = from.clockAt ?? Number.NEGATIVE_INFINITY;
    fold.#delayMs = from.delayMs;
    fold.#startAt = from.startAt ?? Number.NEGATIVE_INFINITY;
    if (from.ruleSet) fold.#setRules(from.ruleSet);
    fold.#registry = from.registry;
    for (const id of from.commands) fold.#commands.add(id);
    for (const id of from.waiting) fold.#waiting.add(id);
    for (const snapshot of from.stations)
      fold.#stations.set(snapshot.station.id, StationState.restore(snapshot));
    for (const state of fold.#stations.values()) fold.#schedule(state);
    return fold;
  }
}

export interface FoldSnapshot {
  readonly foldVersion: number;
  readonly clockAt: number | null;
  readonly delayMs: number;
  readonly startAt: number | null;
  readonly ruleSet: string;
  readonly registry: string;
  readonly commands: readonly string[];
  readonly waiting: readonly string[];
  readonly stations: readonly StationSnapshot[];
}
