import type { Report } from '../model/report.ts';
import type { CompiledRule } from './compiled-rule.ts';
import { evaluateAt, InstantReader, stepTrack } from './evaluation.ts';
import { type NewestReader, readerAtNewest, staysCalm } from './newest-instant.ts';
import { isWatched, RuleIndex } from './rule-index.ts';
import type { StationState } from './station-state.ts';
import { type Silence, SubjectEvaluator } from './subject-evaluator.ts';
import { isAsleep, isPristine, rest, type Track } from './track.ts';
import { Watch } from './watch.ts';
import { WindowSlots } from './window-slots.ts';

const NONE: readonly number[] = [];

/** One report as its station's rules are evaluated for it. */
interface Occasion {
  /** In order of observation nearly all rules stay calm at one instant: they are asked here first. Null: late data. */
  readonly newest: NewestReader | null;
  /** Nothing at or before this instant changed. */
  readonly since: number;
  readonly isLateData: boolean;
  /** Readings changed, not the order of reports alone. */
  readonly hasChanged: boolean;
  readonly readerAt: (at: number) => InstantReader;
}

/** Evaluates the rules of `subject: station` as a station's readings come, and fires its timers. */
export class StationEvaluator extends SubjectEvaluator<StationState> {
  #index = new RuleIndex([]);
  #slots = new WindowSlots();

  get rules(): readonly CompiledRule[] {
    return this.#index.rules;
  }

  /** `slots` are the windows of these rules. */
  setRules(rules: readonly CompiledRule[], slots: WindowSlots): void {
    this.#index = new RuleIndex(rules);
    this.#slots = slots;
  }

  keyOf(state: StationState): string {
    return state.station.id;
  }

  /** The rules that the clock or a waiting revision can touch: those that follow silence, and those with a track. */
  rulesOf(state: StationState): readonly CompiledRule[] {
    const numbers = [...this.#index.silent, ...this.#tracked(state)];
    return ascending(numbers).map((i) => this.rules[i] as CompiledRule);
  }

  #tracked(state: StationState): number[] {
    return [...state.tracks.keys()].flatMap((name) => this.#index.numberOf(name) ?? []);
  }

  protected newestAt(state: StationState): number {
    return state.newestAt;
  }

  protected lateDueAt(state: StationState): number {
    return state.lateDueAt(this.context.delayMs);
  }

  protected silentDueAt(state: StationState, { quantity, spanMs }: Silence, after: number): number {
    const due = state.silentDueAt(quantity, spanMs, this.context.delayMs);
    return due > after ? due : Number.POSITIVE_INFINITY;
  }

  protected readerAt(state: StationState, at: number): InstantReader {
    return new InstantReader(state, at, this.context.clockAt, this.context.delayMs);
  }

  /** Rules that rest wait for nothing: most stations have no other ones. */
  override dueAt(state: StationState): number {
    const { asked, silent } = this.#index;
    const awake = state.watch?.index === this.#index ? state.watch.awake : this.#tracked(state);
    if (silent.length === 0 && awake.length === 0 && (asked.length === 0 || state.tracks.size === 0))
      return Number.POSITIVE_INFINITY;
    const rules: CompiledRule[] = [];
    const tracks: Track[] = [];
    for (const i of ascending([...asked, ...awake])) {
      const rule = this.rules[i] as CompiledRule;
      const track = rule.silences.length > 0 ? state.track(rule) : state.tracks.get(rule.rule.name);
      if (!track) continue;
      rules.push(rule);
      tracks.push(track);
    }
    return this.earliestDue(state, rules, tracks);
  }

  /** The readings of a report stand in their series; `newestBefore` is the station's newest instant before it. */
  note(state: StationState, report: Report, newestBefore: number): void {
    // A neighbour's readings are not evaluated here: should it come home, all is looked at anew.
    if (state.isNeighbour) state.watch = null;
    else state.watch?.noteReport(report, newestBefore);
  }

  /** A report observed at `observedAt` changed readings of the quantities `changed`; asked only when it is not the newest. */
  evaluate(
    state: StationState,
    observedAt: number,
    newestBefore: number,
    changed: ReadonlySet<string>,
  ): void {
    const isNewest = observedAt > newestBefore;
    // A report in between changes which instants before it were the newest of a report: they are stepped again too.
    const since = isNewest ? newestBefore : state.reportBefore(observedAt);
    const watch = this.#watchOf(state);
    const due = this.#due(state, watch, since, isNewest);
    if (due.length === 0) return;
    const readers = new Map<number, InstantReader>();
    const occasion: Occasion = {
      newest: isNewest && !this.context.isPlain ? readerAtNewest(state, this.#slots, since) : null,
      since,
      isLateData: observedAt < newestBefore,
      hasChanged: isNewest || changed.size > 0,
      readerAt: (at) => {
        let reader = readers.get(at);
        if (!reader) {
          reader = this.readerAt(state, at);
          readers.set(at, reader);
        }
        return reader;
      },
    };
    let awake: number[] | null = null;
    for (const i of due) {
      const rule = this.rules[i] as CompiledRule;
      const track = this.#evaluateRule(state, rule, occasion);
      if (!track || !isWatched(rule)) continue;
      if (isAsleep(track, state.newestAt)) rest(track);
      else if (awake) awake.push(i);
      else awake = [i];
    }
    watch.awake = awake ?? NONE;
  }

  #watchOf(state: StationState): Watch {
    if (state.watch?.index !== this.#index) {
      state.watch = new Watch(this.#index, state.series);
      if (state.tracks.size > 0) state.watch.awake = ascending(this.#tracked(state));
    }
    return state.watch;
  }

  /** Numbers of the rules that a report can touch, ascending, each once. */
  #due(state: StationState, watch: Watch, since: number, isNewest: boolean): readonly number[] {
    const { asked, all } = this.#index;
    if (this.context.isPlain) return all;
    const found: number[] = [];
    if (!watch.addCandidates(found, state.series, since, isNewest)) return all;
    if (!isNewest) {
      // What changed after the late instant is stepped again.
      for (const [name, track] of state.tracks) {
        const i = this.#index.numberOf(name);
        if (i !== undefined && !isAsleep(track, since)) found.push(i);
      }
    }
    if (found.length === 0) {
      if (watch.awake.length === 0) return asked;
      if (asked.length === 0) return watch.awake;
    }
    return ascending([...asked, ...watch.awake, ...found]);
  }

  /** Steps a rule and tells what came of it. Returns its track; null when the rule has none and needs none. */
  #evaluateRule(state: StationState, rule: CompiledRule, occasion: Occasion): Track | null {
    const known = state.tracks.get(rule.rule.name);
    const { newest, since, isLateData, readerAt } = occasion;
    const isEasy = newest && isWatched(rule) && (!rule.acceptsSuspect || state.quality.isClean);
    if (isEasy && (!known || isAsleep(known, since)) && staysCalm(rule, newest)) return known ?? null;
    const track = known ?? state.begin(rule);
    let hasStepped = true;
    if (rule.silences.length > 0) {
      const at = Math.max(state.newestAt, track.evaluatedAt);
      evaluateAt(rule, track, at, true, this.readerAt(state, at));
    } else if (occasion.hasChanged) hasStepped = stepTrack(state, rule, track, since + 1, readerAt);
    else return known ?? null;
    const at = Number.isFinite(track.evaluatedAt) ? track.evaluatedAt : state.newestAt;
    this.tell(
      state,
      rule,
      track,
      this.telling(state, rule, at, { isEvaluation: hasStepped, isLateData, readerAt }),
    );
    if (!known && isWatched(rule) && isPristine(track)) return null;
    if (!known) state.hold(rule, track);
    return track;
  }
}

/** Sorts and takes each once; lists are short, or sorted already. */
function ascending(numbers: number[]): readonly number[] {
  if (numbers.length < 2) return numbers;
  numbers.sort((a, b) => a - b);
  let kept = 1;
  for (let i = 1; i < numbers.length; i++)
    if (numbers[i] !== numbers[i - 1]) numbers[kept++] = numbers[i] as number;
  numbers.length = kept;
  return numbers;
}
