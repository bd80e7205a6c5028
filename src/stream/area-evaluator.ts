import { quantities } from '../model/quantity.ts';
import { DAY_MS, SECOND_MS } from '../model/time.ts';
import { quantityOf } from './accepted-series.ts';
import {
  type Absences,
  countBefore,
  type FrontierMove,
  frontierBefore,
  frontierHolder,
  isBefore,
  type Place,
  silentFrom,
  silentNow,
} from './area-frontier.ts';
import { AreaLive } from './area-live.ts';
import { AreaReader } from './area-reader.ts';
import { replayTracks, stepMove } from './area-replay.ts';
import type { AreaState, PendingReplay } from './area-state.ts';
import { FrontierWalk } from './area-walk.ts';
import type { CompiledRule } from './compiled-rule.ts';
import { evaluateAt } from './evaluation.ts';
import type { StationState } from './station-state.ts';
import { type Silence, SubjectEvaluator } from './subject-evaluator.ts';
import type { Track } from './track.ts';

const NONE_SILENT: Absences = new Map();
/** So many evaluations of the past a second are made for late data; what is longer makes the next wait. */
const REPLAYED_PER_SECOND = 50_000;
/** So many are made at once, however often. */
const FEW_EVALUATIONS = 1000;

/** What an area was evaluated for at one record. */
interface Advance {
  readonly from: number;
  /** The last move of the frontier; null: none was needed, all is as it was from some instant on. */
  readonly last: FrontierMove | null;
  readonly isLateData: boolean;
  /** The rules that had an instant to evaluate. */
  readonly stepped: ReadonlySet<CompiledRule>;
  /** Who was silent at an instant evaluated; null: it was none. */
  readonly silentAt: (at: number) => Absences | null;
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
    // An end by expiry settles what lies before it: it comes before the evaluation.
    const isExpired = area.rules.map((rule) => this.expireDue(area, rule, area.track(rule), due));
    for (const rule of area.rules) this.reviewDue(area, rule, area.track(rule), due);
    const caughtUp = area.pending ? this.#catchUp(area) : null;
    const advance = caughtUp ?? this.#move(area, this.#now());
    area.rules.forEach((rule, i) => {
      if (advance && rule.silences.length === 0) this.#tellAdvance(area, rule, advance);
      else if (!isExpired[i]) this.fireRule(area, rule, due);
    });
    this.#settle(area, advance);
  }

  /**
   * A report of a member brought or changed readings, the verdict on which it may change at other instants than its own;
   * `newestBefore` is the member's newest instant before it.
   */
  report(
    area: AreaState,
    station: StationState,
    changed: { readonly from: number; readonly to: number },
    { observedAt }: { readonly observedAt: number },
    newestBefore: number,
  ): void {
    const { clockAt, latenessMs } = this.context;
    const { from } = changed;
    const before = area.frontier;
    const place = { at: from, id: station.station.id };
    area.live?.cut(station, from, clockAt - latenessMs - station.areaLagMs);
    const advance = this.#isPlain(area, station, place, newestBefore)
      ? this.#move(area, place)
      : this.#again(area, from, {
          dataEnd: dataEnd(area, station, changed.to),
          eventsEnd: Math.max(
            eventsEnd(station, from, newestBefore),
            eventsEnd(station, observedAt, newestBefore),
          ),
        });
    // By its own instant, however far back it changed verdicts: so it follows from the stations, as after a restart.
    const arrived = { at: observedAt, id: station.station.id };
    if (!isBefore(arrived, area.newest)) area.newest = arrived;
    for (const rule of area.rules) {
      const track = area.track(rule);
      if (rule.silences.length > 0) this.#evaluateNow(area, rule, track, from < before);
      else if (advance) this.#tellAdvance(area, rule, advance);
      else if (track.told?.state === 'unverified')
        this.tell(area, rule, track, this.#tellingAsBefore(area, rule, track));
    }
    this.#settle(area, advance);
    this.schedule(area);
  }

  /** A tick: late data that waited is evaluated, once for all of it. */
  override tellWaiting(area: AreaState): void {
    const advance = area.pending ? this.#catchUp(area) : null;
    if (advance) {
      for (const rule of area.rules) if (rule.silences.length === 0) this.#tellAdvance(area, rule, advance);
      this.#settle(area, advance);
    }
    super.tellWaiting(area);
  }

  /** The registry, the areas or the rules changed: a station that held the frontier may be gone. */
  refresh(area: AreaState): void {
    area.heldBy = null;
    area.live = null;
    const advance = this.#move(area, this.#now());
    if (advance) {
      for (const rule of area.rules) if (rule.silences.length === 0) this.#tellAdvance(area, rule, advance);
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
    const { clockAt, delayMs, latenessMs } = this.context;
    if (!isSettled(area)) {
      const from = Math.min(area.sureTo, area.pending?.from ?? area.sureTo);
      const isLateData = area.pending?.isLateData ?? false;
      area.pending = null;
      return this.#replay(area, {
        from,
        isLateData,
        dataEnd: Number.POSITIVE_INFINITY,
        eventsEnd: Number.POSITIVE_INFINITY,
      });
    }
    const to = this.#presentFrontier(area);
    if (to <= area.frontier) return null;
    const from = area.frontier + 1;
    const silent = silentNow(area.members, clockAt, delayMs);
    const last = { from, to, by, isSure: true, silent };
    const live = this.#liveOf(area);
    live.history.push(by.at, to);
    // What was read ahead may have been forgotten since.
    if (clockAt - latenessMs > area.frontier) live.forgetAhead();
    const stepped = new Set<CompiledRule>();
    for (const rule of area.rules) {
      if (rule.silences.length > 0) continue;
      if (stepMove(rule, area.track(rule), live, last, clockAt, delayMs)) stepped.add(rule);
    }
    return { from, last, isLateData: false, stepped, silentAt: () => silent };
  }

  #liveOf(area: AreaState): AreaLive {
    area.live ??= new AreaLive(area.members);
    return area.live;
  }

  /** A report that may change what was evaluated: at once when that is little, else what waits is evaluated together. */
  #again(
    area: AreaState,
    changedFrom: number,
    ends: Pick<PendingReplay, 'dataEnd' | 'eventsEnd'>,
  ): Advance | null {
    const isLateData = changedFrom < area.frontier;
    const from = Math.min(area.sureTo, frontierBefore(area.members, changedFrom));
    const changed: PendingReplay = { from, isLateData, ...ends };
    if (!isLateData && isSettled(area)) return this.#replay(area, changed);
    const { pending } = area;
    area.pending = pending
      ? {
          from: Math.min(pending.from, changed.from),
          isLateData: pending.isLateData || isLateData,
          dataEnd: Math.max(pending.dataEnd, changed.dataEnd),
          eventsEnd: Math.max(pending.eventsEnd, changed.eventsEnd),
        }
      : changed;
    return this.#catchUp(area);
  }

  /** Evaluates what waits, unless the last time was too short ago: then a later tick does. */
  #catchUp(area: AreaState): Advance | null {
    const { clockAt } = this.context;
    const { pending } = area;
    if (!pending) return null;
    const evaluations = evaluationsSince(area, pending.from);
    if (evaluations > FEW_EVALUATIONS) {
      if (clockAt < area.replayAt) {
        this.context.waiting.add(this.keyOf(area));
        return null;
      }
      const seconds = Math.max(1, Math.ceil(evaluations / REPLAYED_PER_SECOND));
      area.replayAt = (Math.floor(clockAt / SECOND_MS) + seconds) * SECOND_MS;
    }
    area.pending = null;
    return this.#replay(area, pending);
  }

  /** Evaluates again what follows `from`, in order of observation; null: there is nothing. */
  #replay(area: AreaState, changed: PendingReplay): Advance | null {
    const { clockAt, delayMs, latenessMs } = this.context;
    const present = this.#presentFrontier(area);
    const from = changed.from + 1;
    const walk = new FrontierWalk(area.members, from, present, clockAt, delayMs);
    const live = this.#liveOf(area);
    if (clockAt - latenessMs > area.frontier) live.forgetAhead();
    const mayAgree = isSettled(area) && present === area.frontier;
    const eventsEnd = Math.max(changed.eventsEnd, excusedUntil(area));
    const known = mayAgree ? { ...changed, eventsEnd } : null;
    const found = replayTracks(area, live, walk, known, clockAt, delayMs);
    if (!walk.last) return null;
    const { isLateData } = changed;
    const isAgreed = found.agreedAt < Number.POSITIVE_INFINITY;
    // The frontier stands where it stood, and yet something else may have brought it there: what comes next is judged by it.
    if (isAgreed && area.moved.at <= found.agreedAt) area.moved = walk.last.by;
    const last = isAgreed ? null : walk.last;
    return { from, last, isLateData, stepped: found.stepped, silentAt: (at) => walk.silentAt(at) };
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
    if (!advance) return;
    const { last } = advance;
    if (last) {
      area.frontier = last.to;
      area.sureTo = last.isSure ? last.to : last.from - 1;
      area.moved = last.by;
    }
    area.forgetTracks(Math.min(area.frontier, this.context.clockAt - this.context.latenessMs));
  }

  #tellAdvance(area: AreaState, rule: CompiledRule, advance: Advance): void {
    const { clockAt, delayMs } = this.context;
    const track = area.track(rule);
    const { from, last, isLateData, stepped, silentAt } = advance;
    const at = Number.isFinite(track.evaluatedAt) ? track.evaluatedAt : (last?.to ?? area.frontier);
    const readerAt = (instant: number): AreaReader => {
      const silent = instant >= from ? silentAt(instant) : null;
      return silent
        ? new AreaReader(area.members, instant, silent, clockAt, delayMs)
        : this.readerAt(area, instant, rule);
    };
    this.tell(
      area,
      rule,
      track,
      this.telling(area, rule, at, { isEvaluation: stepped.has(rule), isLateData, readerAt }),
    );
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

/** A replay reaches back no further than this in the estimate of its length. */
const REACH_MS = 8 * DAY_MS;

/** About how many instants of an area lie between an instant and its frontier. */
function evaluationsSince({ members, frontier }: AreaState, from: number): number {
  const reachMs = frontier - Math.max(from, frontier - REACH_MS);
  if (!(reachMs > 0)) return 0;
  let evaluations = 0;
  for (const { intervalMs } of members) evaluations += reachMs / intervalMs;
  return evaluations;
}

/** From when on no window of the area's rules reads what a report of a station brought; infinite where that is not known. */
function dataEnd({ rules }: AreaState, { series }: StationState, observedAt: number): number {
  let end = observedAt;
  for (const { silences, inputs, longestWindowMs } of rules) {
    if (silences.length > 0) continue;
    for (const { quantity, windows } of inputs) {
      const found = series.get(quantity);
      if (windows.length > 0 || quantities.get(quantityOf(quantity))?.derived || found?.countsAll === false)
        return Number.POSITIVE_INFINITY;
      // The cover of the reading after it changes, too.
      const next = found?.firstAfter(observedAt) ?? 0;
      const last = found && next < found.length ? found.at(next) : observedAt;
      end = Math.max(end, last + longestWindowMs);
    }
  }
  return end;
}

/** From when on, in event time, a report makes no difference to who is silent: its station's next report, or silence. */
function eventsEnd(station: StationState, observedAt: number, newestBefore: number): number {
  const { reportedAt } = station;
  return observedAt < newestBefore
    ? (reportedAt[countBefore(reportedAt, observedAt + 1)] ?? Number.POSITIVE_INFINITY)
    : silentFrom(station, observedAt);
}

/**
 * Until then the clock excuses a station that is silent by its reports: since our own outage, or its adoption. What was
 * evaluated before it waited for stations that a walk by the reports does not wait for, and says nothing about that walk.
 */
function excusedUntil({ members }: AreaState): number {
  let until = Number.NEGATIVE_INFINITY;
  for (const { armedAt, intervalMs } of members)
    until = Math.max(until, armedAt + 2 * intervalMs + SECOND_MS);
  return until;
}

/** Everything evaluated follows from the reports. */
const isSettled = ({ frontier, sureTo }: AreaState): boolean =>
  Number.isFinite(frontier) && sureTo === frontier;

/** Names an area among timers: station ids hold no line feed. */
export const areaKey = (id: string): string => `area\n${id}`;
