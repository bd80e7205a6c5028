import type { CompiledRule } from './compiled-rule.ts';
import { evaluateAt, InstantReader, stepTrack } from './evaluation.ts';
import { readerAtNewest, staysCalm } from './newest-instant.ts';
import type { StationState } from './station-state.ts';
import { type Silence, SubjectEvaluator } from './subject-evaluator.ts';
import type { Track } from './track.ts';
import { WindowSlots } from './window-slots.ts';

/** Evaluates the rules of `subject: station` as a station's readings come, and fires its timers. */
export class StationEvaluator extends SubjectEvaluator<StationState> {
  #rules: readonly CompiledRule[] = [];
  #slots = new WindowSlots();

  get rules(): readonly CompiledRule[] {
    return this.#rules;
  }

  /** `slots` are the windows of these rules. */
  setRules(rules: readonly CompiledRule[], slots: WindowSlots): void {
    this.#rules = rules;
    this.#slots = slots;
  }

  keyOf(state: StationState): string {
    return state.station.id;
  }

  rulesOf(): readonly CompiledRule[] {
    return this.#rules;
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

  /** A report observed at `observedAt` changed readings of the quantities `changed`; asked only when it is not the newest. */
  evaluate(
    state: StationState,
    observedAt: number,
    newestBefore: number,
    changed: ReadonlySet<string>,
  ): void {
    const readers = new Map<number, InstantReader>();
    const readerAt = (at: number): InstantReader => {
      let reader = readers.get(at);
      if (!reader) {
        reader = this.readerAt(state, at);
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
        evaluateAt(rule, track, at, true, this.readerAt(state, at));
      } else if (observedAt > newestBefore || changed.size > 0) {
        hasStepped = stepTrack(state, rule, track, from, readerAt);
      } else continue;
      const at = Number.isFinite(track.evaluatedAt) ? track.evaluatedAt : state.newestAt;
      const isLateData = observedAt < newestBefore;
      this.tell(
        state,
        rule,
        track,
        this.telling(state, rule, at, { isEvaluation: hasStepped, isLateData, readerAt }),
      );
    }
  }
}
