import { alertId } from '../alerts/identity.ts';
import type { RaiseCommand } from '../model/act.ts';
import type { Rule } from '../model/rule.ts';
import type { Subject } from '../model/subject.ts';
import { DAY_MS } from '../model/time.ts';
import { tellOutcome } from './act-outcome.ts';
import { type CompiledRule, compileRule } from './compiled-rule.ts';
import { SubjectState } from './subject.ts';
import { SubjectEvaluator } from './subject-evaluator.ts';
import { type RuleReader, revise, type Telling, timerFacts } from './teller.ts';
import { openAlert, type Track, type TrackSnapshot } from './track.ts';

/** How long one that has ended is remembered, so that its command, come again, raises nothing. */
const REMEMBERED_MS = 7 * DAY_MS;

/** An alert that a person raised: what it says stands in the place of a rule, and nothing is measured for it. */
class ManualState extends SubjectState {
  readonly alert: string;
  readonly subject: Subject;
  readonly rules: readonly [CompiledRule];
  override readonly isByHand = true;

  constructor(alert: string, subject: Subject, rule: Rule) {
    super();
    this.alert = alert;
    this.subject = subject;
    this.rules = [compileRule(rule)];
  }

  get only(): Track {
    return this.track(this.rules[0]);
  }
}

export interface ManualSnapshot {
  readonly alert: string;
  readonly subject: Subject;
  readonly rule: Rule;
  readonly tracks: readonly (readonly [string, TrackSnapshot])[];
}

const PREFIX = 'manual\n';

/** Alerts raised by hand in a partition: people edit, extend, approve and end them; the clock alone lets them expire. */
export class ManualAlerts extends SubjectEvaluator<ManualState> {
  readonly #states = new Map<string, ManualState>();

  /** The alert that a timer's key names; undefined: the key is of something else, or it is forgotten. */
  of(key: string): ManualState | undefined {
    return key.startsWith(PREFIX) ? this.#states.get(key.slice(PREFIX.length)) : undefined;
  }
  /** Whether a timer's key is of an alert raised by hand. */
  isKey(key: string): boolean {
    return key.startsWith(PREFIX);
  }
  /** A tick: what waited for the next second is done. */
  tellWaitingOf(key: string): void {
    const state = this.of(key);
    if (state) this.tellWaiting(state);
  }
  find(alert: string): ManualState | undefined {
    return this.#states.get(alert);
  }

  /** Raises an alert; a repeat of its command changes nothing. */
  raise(id: string, command: RaiseCommand): void {
    const { rule, subject, level, at, area, by, reason } = command;
    const alert = alertId(rule.name, subject, at);
    const { clockAt, emit } = this.context;
    const index = rule.levels.findIndex((one) => one.level === level);
    if (this.#states.has(alert) || index < 0) return;
    this.#forget();
    const state = new ManualState(alert, subject, rule);
    this.#states.set(alert, state);
    const [compiled] = state.rules;
    const telling = {
      ...this.telling(state, compiled, at, { isEvaluation: false, isLateData: false }),
      // A recording may not have begun.
      clockAt: Math.max(at, clockAt),
    };
    const act = { command: id, act: 'raise', by, ...(reason === undefined ? {} : { reason }) } as const;
    const decision = { event: 'raised', level: index, onsetAt: at, at } as const;
    const changes = area ? { area } : {};
    revise(state, compiled, state.only, decision, timerFacts(compiled, state.only, telling), telling, {
      act,
      changes,
    });
    tellOutcome(emit, { id, command: { ...act, alert } }, telling.clockAt, 1);
    this.schedule(state);
  }

  #forget(): void {
    const { clockAt } = this.context;
    for (const [alert, { only }] of this.#states)
      if (!openAlert(only) && (only.told?.issuedAt ?? 0) < clockAt - REMEMBERED_MS)
        this.#states.delete(alert);
  }

  scheduleAll(): void {
    for (const state of this.#states.values()) this.schedule(state);
  }

  keyOf({ alert }: ManualState): string {
    return PREFIX + alert;
  }
  rulesOf({ rules }: ManualState): readonly CompiledRule[] {
    return rules;
  }
  protected newestAt(): number {
    return this.context.clockAt;
  }
  protected lateDueAt(): number {
    return Number.POSITIVE_INFINITY;
  }
  protected silentDueAt(): number {
    return Number.POSITIVE_INFINITY;
  }
  protected readerAt(): RuleReader {
    // Its levels compare nothing: no reader of it is ever asked.
    return { coverage: 0 } as RuleReader;
  }
  /** No evaluation says anything of it. */
  protected override tell(_state: ManualState, _rule: CompiledRule, track: Track, _telling: Telling): void {
    track.isWaiting = false;
  }

  snapshot(): ManualSnapshot[] {
    return [...this.#states.values()].map((state) => ({
      alert: state.alert,
      subject: state.subject,
      rule: state.rules[0].rule,
      tracks: state.snapshotTracks(),
    }));
  }

  restore(from: readonly ManualSnapshot[]): void {
    for (const { alert, subject, rule, tracks } of from) {
      const state = new ManualState(alert, subject, rule);
      state.restoreTracks(tracks);
      this.#states.set(alert, state);
    }
  }
}
