import type { Effect } from '../model/effect.ts';
import { type GivenAct, tellOutcome } from './act-outcome.ts';
import { actOn } from './acts.ts';
import type { CompiledRule } from './compiled-rule.ts';
import { evaluateAt } from './evaluation.ts';
import type { SubjectState } from './subject.ts';
import { endReview, expire, type RuleReader, type Telling, tell, withdraw } from './teller.ts';
import type { TimerHeap } from './timers.ts';
import { openAlert, type Track } from './track.ts';

/** What the parts of one partition's fold share. */
export interface FoldContext {
  /** Partition clock; moved by ticks (and by the timers they let fire) alone. */
  clockAt: number;
  /** The recording's delay, ms. */
  delayMs: number;
  ruleSet: string;
  readonly latenessMs: number;
  /** Every rule is evaluated at every report: what the tests compare the index with. */
  readonly isPlain: boolean;
  readonly emit: (effect: Effect) => void;
  readonly timers: TimerHeap;
  /** Keys of subjects with a revision that waits for the next second. */
  readonly waiting: Set<string>;
}

export type Silence = CompiledRule['silences'][number];

/** What timers and commands do to the alerts of a subject; a station and an area differ in what they read. */
export abstract class SubjectEvaluator<S extends SubjectState> {
  protected readonly context: FoldContext;

  constructor(context: FoldContext) {
    this.context = context;
  }

  /** Names the subject among timers. */
  abstract keyOf(state: S): string;
  abstract rulesOf(state: S): readonly CompiledRule[];
  /** The newest instant that may raise. */
  protected abstract newestAt(state: S): number;
  /** When the subject is late by its pace. */
  protected abstract lateDueAt(state: S): number;
  /** When a silence term changes: the first instant after `after`. */
  protected abstract silentDueAt(state: S, silence: Silence, after: number): number;
  protected abstract readerAt(state: S, at: number, rule: CompiledRule): RuleReader;

  /** The earliest instant at which the partition clock alone changes something of the subject. */
  dueAt(state: S): number {
    const rules = this.rulesOf(state);
    return this.earliestDue(state, rules, state.tracksOf(rules));
  }

  /** The same of some rules and their tracks. */
  protected earliestDue(state: S, rules: readonly CompiledRule[], tracks: readonly Track[]): number {
    const { clockAt } = this.context;
    let due = Number.POSITIVE_INFINITY;
    let hasOpen = false;
    for (let i = 0; i < tracks.length; i++) {
      const rule = rules[i] as CompiledRule;
      const track = tracks[i] as Track;
      const { told } = track;
      // What waits for the next second is looked at by the next tick, not by a timer.
      if (told && told.state !== 'ended' && !track.isWaiting) {
        due = Math.min(due, told.expiresAt, told.publication?.draft?.dueAt ?? Number.POSITIVE_INFINITY);
        // A rule on silence follows the clock: it extends by the clock, and silence does not make it doubtful.
        if (rule.silences.length > 0) due = Math.min(due, this.#extensionDueAt(state, rule, track));
        else hasOpen ||= told.state === 'active';
      }
      for (const silence of rule.silences)
        due = Math.min(due, this.silentDueAt(state, silence, track.evaluatedAt));
    }
    return hasOpen ? Math.min(due, Math.max(this.lateDueAt(state), clockAt)) : due;
  }

  /**
   * When the clock extends the open alert of a rule on silence. One that has passed stands only while the rule is silent
   * and has not been asked: else the same timer would come up again and again without a revision.
   */
  #extensionDueAt(state: S, rule: CompiledRule, track: Track): number {
    const due = (track.told?.issuedAt ?? 0) + Math.ceil((rule.rule.expiresMs * 2) / 3);
    const isStill = track.evaluatedAt < due && this.#isSilentAt(state, rule, due);
    return due > this.context.clockAt || isStill ? due : Number.POSITIVE_INFINITY;
  }

  #isSilentAt(state: S, { silences }: CompiledRule, due: number): boolean {
    return silences.some((silence) => this.silentDueAt(state, silence, Number.NEGATIVE_INFINITY) <= due);
  }

  schedule(state: S): void {
    const due = this.dueAt(state);
    if (due === state.scheduledAt) return;
    // What stands in the heap under another due time is passed over there.
    state.scheduledAt = due;
    if (Number.isFinite(due)) this.context.timers.push(due, this.keyOf(state));
  }

  /** A timer came up. It fires unless another one has been set since, or we were down when it was due. */
  timer(state: S | undefined, due: number, isGap: boolean): void {
    if (!state || due !== state.scheduledAt) return;
    state.scheduledAt = Number.POSITIVE_INFINITY;
    if (!isGap || due <= this.context.clockAt) this.fire(state, due);
    if (!isGap) this.schedule(state);
  }

  /** A timer is due: expiry, silence, lateness. */
  fire(state: S, due: number): void {
    this.context.clockAt = Math.max(this.context.clockAt, due);
    for (const rule of this.rulesOf(state)) this.fireRule(state, rule, due);
  }

  protected fireRule(state: S, rule: CompiledRule, due: number): void {
    const track = state.track(rule);
    if (this.expireDue(state, rule, track, due)) return;
    this.reviewDue(state, rule, track, due);
    const telling = this.telling(state, rule, due, { isEvaluation: false, isLateData: false });
    if (rule.silences.length === 0) {
      // A timer of another rule tells nothing of this one: what an evaluation left untold waits for the next.
      if (telling.isLate && track.told?.state === 'active') this.tell(state, rule, track, telling);
    } else if (this.#isAskedAt(state, rule, track, due)) {
      evaluateAt(rule, track, due, true, this.readerAt(state, due, rule));
      this.tell(state, rule, track, { ...telling, isEvaluation: true });
    }
  }

  /** A silence of the rule itself, or its extension, is due: the timers of other rules ask nothing of it. */
  #isAskedAt(state: S, rule: CompiledRule, track: Track, due: number): boolean {
    if (track.evaluatedAt >= due || !this.#isSilentAt(state, rule, due)) return false;
    const isSilenceDue = rule.silences.some(
      (silence) => this.silentDueAt(state, silence, track.evaluatedAt) <= due,
    );
    return isSilenceDue || (openAlert(track) !== null && this.#extensionDueAt(state, rule, track) <= due);
  }

  /** Ends an alert whose expiry has come; false when there is none. `at` stands for the instant where it matters. */
  protected expireDue(state: S, rule: CompiledRule, track: Track, due: number, at = due): boolean {
    const told = openAlert(track);
    if (!told || told.expiresAt > due) return false;
    const telling = this.telling(state, rule, at, { isEvaluation: false, isLateData: false });
    if (!expire(state, rule, track, telling, this.newestAt(state)))
      this.context.waiting.add(this.keyOf(state));
    return true;
  }

  /** The time for approval of a draft may have run out. */
  protected reviewDue(state: S, rule: CompiledRule, track: Track, due: number): void {
    const draft = openAlert(track)?.publication?.draft;
    if (!draft || draft.dueAt > due) return;
    const telling = this.telling(state, rule, due, { isEvaluation: false, isLateData: false });
    if (!endReview(state, rule, track, telling)) this.context.waiting.add(this.keyOf(state));
  }

  /** A tick: what waited for the next second is told. */
  tellWaiting(state: S): void {
    for (const rule of this.rulesOf(state)) {
      const track = state.track(rule);
      if (track.act) this.#actAgain(state, rule, track, track.act);
      if (!track.isWaiting) continue;
      if (this.expireDue(state, rule, track, this.context.clockAt, track.told?.expiresAt)) continue;
      this.reviewDue(state, rule, track, this.context.clockAt);
      this.tell(
        state,
        rule,
        track,
        this.telling(state, rule, track.evaluatedAt, { isEvaluation: false, isLateData: false }),
      );
    }
    this.schedule(state);
  }

  /** The act of a person on an alert of the subject. */
  act(state: S | undefined, given: GivenAct): void {
    const { emit, clockAt } = this.context;
    const rule = state && this.rulesOf(state).find((one) => one.rule.name === given.command.rule);
    const track = state?.tracks.get(given.command.rule);
    if (!state || !rule || !track) {
      tellOutcome(emit, given, clockAt, null, 'unknown');
      return;
    }
    this.#actOn(state, rule, track, given);
    this.schedule(state);
  }

  #actOn(state: S, rule: CompiledRule, track: Track, given: GivenAct): void {
    const quiet = { isEvaluation: false, isLateData: false };
    const telling = this.telling(state, rule, this.context.clockAt, quiet);
    actOn(state, rule, track, given, telling, this.newestAt(state));
    if (track.act) this.context.waiting.add(this.keyOf(state));
  }

  /** An act that waited for this second; what else waited comes after it. */
  #actAgain(state: S, rule: CompiledRule, track: Track, given: GivenAct): void {
    track.act = undefined;
    this.#actOn(state, rule, track, given);
    if (track.isWaiting) return;
    const quiet = { isEvaluation: false, isLateData: false };
    this.tell(state, rule, track, this.telling(state, rule, track.evaluatedAt, quiet));
  }

  withdraw(state: S, rule: CompiledRule): void {
    withdraw(
      state,
      rule,
      this.telling(state, rule, this.context.clockAt, { isEvaluation: false, isLateData: false }),
    );
  }

  protected tell(state: S, rule: CompiledRule, track: Track, telling: Telling): void {
    tell(state, rule, track, telling);
    if (track.isWaiting) this.context.waiting.add(this.keyOf(state));
  }

  protected telling(
    state: S,
    rule: CompiledRule,
    at: number,
    rest: Pick<Telling, 'isEvaluation' | 'isLateData'> & Partial<Pick<Telling, 'readerAt'>>,
  ): Telling {
    const { clockAt, ruleSet, emit } = this.context;
    return {
      clockAt,
      at,
      ruleSet,
      emit,
      isLate: clockAt >= this.lateDueAt(state),
      readerAt: (instant) => this.readerAt(state, instant, rule),
      ...rest,
    };
  }
}
