import {
  type Absences,
  type FrontierMove,
  frontierBefore,
  frontierHolder,
  frontierMoves,
  silentNow,
} from './area-frontier.ts';
import { AreaReader, areaInstants } from './area-reader.ts';
import { type AreaState, isBefore, type Place } from './area-state.ts';
import type { CompiledRule } from './compiled-rule.ts';
import { evaluateAt } from './evaluation.ts';
import type { StationState } from './station-state.ts';
import { type Silence, SubjectEvaluator } from './subject-evaluator.ts';
import type { Track } from './track.ts';

const NONE_SILENT: Absences = new Map();

/** What an area is evaluated for at one record: the moves of its frontier, and the readers at their instants. */
interface Advance {
  readonly from: number;
  /** In order; at least one. */
  readonly moves: readonly FrontierMove[];
  readonly readers: Map<number, AreaReader>;
  readonly isLateData: boolean;
}

/** Evaluates the rules of `subject: area` as readings come and stations fall silent, and fires the timers of areas. */
export class AreaEvaluator extends SubjectEvaluator<AreaState> {
  keyOf(area: AreaState): string {
    return areaKey(area.id);
  }

  rulesOf(area: AreaState): readonly CompiledRule[] {
    return area.rules;
  }

  protected newestAt(area: AreaState): number {
    return area.frontier;
  }

  /** An area is late when all its stations are. */
  protected lateDueAt({ members }: AreaState): number {
    let due = Number.NEGATIVE_INFINITY;
    for (const station of members) due = Math.max(due, station.lateDueAt(this.context.delayMs));
    return due;
  }

  /** Each station that falls silent can change a count. */
  protected silentDueAt({ members }: AreaState, { quantity, spanMs }: Silence, after: number): number {
    let due = Number.POSITIVE_INFINITY;
    for (const station of members) {
      const at = station.silentDueAt(quantity, spanMs, this.context.delayMs);
      if (at > after) due = Math.min(due, at);
    }
    return due;
  }

  /** A rule that asks for silence asks the silent stations too. */
  protected readerAt({ members }: AreaState, at: number, rule: CompiledRule): AreaReader {
    const { clockAt, delayMs } = this.context;
    const silent = rule.silences.length > 0 ? NONE_SILENT : silentNow(members, clockAt, delayMs);
    return new AreaReader(members, at, silent, clockAt, delayMs);
  }

  /** With the station that falls silent next: the frontier moves on without it. */
  override dueAt(area: AreaState): number {
    const { clockAt, delayMs } = this.context;
    let due = super.dueAt(area);
    for (const station of area.members) {
      const at = station.lateDueAt(delayMs);
      if (at > clockAt && at < due) due = at;
    }
    return due;
  }

  /** Reports only put off what is due: the timer that stands is left to find that out. */
  override schedule(area: AreaState): void {
    const due = this.dueAt(area);
    if (due >= area.scheduledAt) return;
    area.scheduledAt = due;
    this.context.timers.push(due, this.keyOf(area));
  }

  override fire(area: AreaState, due: number): void {
    const { delayMs } = this.context;
    const isSilenceDue = area.members.some((station) => station.lateDueAt(delayMs) === due);
    const isDue = isSilenceDue || super.dueAt(area) <= due;
    this.context.clockAt = Math.max(this.context.clockAt, due);
    if (!isDue) return;
    const advance = this.#move(area, this.#now());
    for (const rule of area.rules) {
      const track = area.track(rule);
      const isExpired = this.expireDue(area, rule, track, due);
      if (advance && rule.silences.length === 0) this.#stepAndTell(area, rule, track, advance);
      else if (!isExpired) this.fireRule(area, rule, due);
    }
    this.#settle(area, advance);
  }

  /** A report of a member brought or changed readings; `newestBefore` is the member's newest instant before it. */
  report(area: AreaState, station: StationState, observedAt: number, newestBefore: number): void {
    const before = area.frontier;
    const place = { at: observedAt, id: station.station.id };
    const advance = this.#isPlain(area, station, place, newestBefore)
      ? this.#move(area, place)
      : this.#replay(
          area,
          Math.min(area.sureTo, frontierBefore(area.members, observedAt)),
          observedAt < before,
        );
    if (!isBefore(place, area.newest)) area.newest = place;
    for (const rule of area.rules) {
      const track = area.track(rule);
      if (rule.silences.length > 0) this.#evaluateNow(area, rule, track, observedAt < before);
      else if (advance) this.#stepAndTell(area, rule, track, advance);
      else if (track.told?.state === 'unverified')
        this.tell(area, rule, track, this.#tellingAsBefore(area, rule, track));
    }
    this.#settle(area, advance);
    this.schedule(area);
  }

  /** The registry, the areas or the rules changed: a station that held the frontier may be gone. */
  refresh(area: AreaState): void {
    area.heldBy = null;
    const advance = this.#move(area, this.#now());
    if (advance) {
      for (const rule of area.rules)
        if (rule.silences.length === 0) this.#stepAndTell(area, rule, area.track(rule), advance);
    }
    this.#settle(area, advance);
    this.schedule(area);
  }

  /** The report can do no more than move the frontier on: nothing evaluated should have waited for it. */
  #isPlain(area: AreaState, station: StationState, place: Place, newestBefore: number): boolean {
    const { clockAt, delayMs } = this.context;
    if (place.at <= newestBefore || newestBefore < area.frontier || !isBefore(area.moved, place))
      return false;
    if (!isSettled(area) || clockAt >= station.lateDueAt(delayMs)) return false;
    // What comes out of order moves the frontier by steps that are found in order.
    return !isBefore(place, area.newest) || this.#presentFrontier(area) === area.frontier;
  }

  #now(): Place {
    return { at: this.context.clockAt - this.context.delayMs, id: '' };
  }

  /** One move of the frontier to where it is at present; null: it stands. */
  #move(area: AreaState, by: Place): Advance | null {
    const { clockAt, delayMs } = this.context;
    if (!isSettled(area)) return this.#replay(area, area.sureTo, false);
    const to = this.#presentFrontier(area);
    if (to <= area.frontier) return null;
    const from = area.frontier + 1;
    const moves = [{ from, to, by, isSure: true, silent: silentNow(area.members, clockAt, delayMs) }];
    return { from, moves, readers: new Map(), isLateData: false };
  }

  /** The moves after `from`, in order of observation; null: there is none. */
  #replay(area: AreaState, from: number, isLateData: boolean): Advance | null {
    const { clockAt, delayMs } = this.context;
    const moves = frontierMoves(area.members, from + 1, this.#presentFrontier(area), clockAt, delayMs);
    return moves.length > 0 ? { from: from + 1, moves, readers: new Map(), isLateData } : null;
  }

  #presentFrontier(area: AreaState): number {
    const { clockAt, delayMs } = this.context;
    const { heldBy, frontier } = area;
    if (heldBy && heldBy.newestAt <= frontier && clockAt < heldBy.lateDueAt(delayMs)) return frontier;
    area.heldBy = frontierHolder(area.members, clockAt, delayMs);
    // A station that was silent and is back, or that an outage of ours excuses, does not draw it back.
    return Math.max(frontier, area.heldBy?.newestAt ?? Number.NEGATIVE_INFINITY);
  }

  #settle(area: AreaState, advance: Advance | null): void {
    const last = advance?.moves.at(-1);
    if (!last) return;
    area.frontier = last.to;
    area.sureTo = last.isSure ? last.to : last.from - 1;
    area.moved = last.by;
    area.forgetTracks(Math.min(last.to, this.context.clockAt - this.context.latenessMs));
  }

  #stepAndTell(area: AreaState, rule: CompiledRule, track: Track, advance: Advance): void {
    const isEvaluation = this.#step(area, rule, track, advance);
    const { moves, readers, isLateData } = advance;
    const at = Number.isFinite(track.evaluatedAt) ? track.evaluatedAt : (moves.at(-1) as FrontierMove).to;
    this.tell(
      area,
      rule,
      track,
      this.telling(area, rule, at, {
        isEvaluation,
        isLateData,
        readerAt: (instant) => readers.get(instant) ?? this.readerAt(area, instant, rule),
      }),
    );
  }

  /** Steps a track through the union of the stations' instants; the last of each move may raise. False when there is none. */
  #step(area: AreaState, rule: CompiledRule, track: Track, { from, moves, readers }: Advance): boolean {
    const { clockAt, delayMs } = this.context;
    const begin = Math.max(from, track.timeline.settledAt + 1);
    let hasStepped = false;
    for (const move of moves) {
      const instants = areaInstants(area.members, rule.inputs, Math.max(move.from, begin), move.to);
      if (instants.length === 0) continue;
      if (!hasStepped) track.timeline.rewind(begin);
      hasStepped = true;
      instants.forEach((at, i) => {
        let reader = readers.get(at);
        if (!reader) {
          reader = new AreaReader(area.members, at, move.silent, clockAt, delayMs);
          readers.set(at, reader);
        }
        evaluateAt(rule, track, at, i === instants.length - 1, reader);
      });
    }
    return hasStepped;
  }

  /** A rule on silence follows the partition clock and is not evaluated back in time. */
  #evaluateNow(area: AreaState, rule: CompiledRule, track: Track, isLateData: boolean): void {
    const newestAt = area.members.reduce(
      (newest, station) => Math.max(newest, station.newestAt),
      Number.NEGATIVE_INFINITY,
    );
    const at = Math.max(newestAt, track.evaluatedAt);
    evaluateAt(rule, track, at, true, this.readerAt(area, at, rule));
    this.tell(area, rule, track, this.telling(area, rule, at, { isEvaluation: true, isLateData }));
  }

  #tellingAsBefore(area: AreaState, rule: CompiledRule, track: Track): ReturnType<AreaEvaluator['telling']> {
    return this.telling(area, rule, track.evaluatedAt, { isEvaluation: false, isLateData: false });
  }
}

/** Everything evaluated follows from the reports. */
const isSettled = ({ frontier, sureTo }: AreaState): boolean =>
  Number.isFinite(frontier) && sureTo === frontier;

/** Names an area among timers: station ids hold no line feed. */
export const areaKey = (id: string): string => `area\n${id}`;
