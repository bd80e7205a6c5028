import type { Subject } from '../model/subject.ts';
import { isBefore, type Place } from './area-frontier.ts';
import type { AreaLive } from './area-live.ts';
import type { CompiledRule } from './compiled-rule.ts';
import type { StationState } from './station-state.ts';
import { SubjectState, type WithdrawnSnapshot } from './subject.ts';
import type { TrackSnapshot } from './track.ts';

/** Late data that has not been evaluated yet. */
export interface PendingReplay {
  /** The frontier to go on from. */
  readonly from: number;
  readonly isLateData: boolean;
  /** From these instants on the late readings change no window, and the late reports no silence; infinite: not known. */
  readonly dataEnd: number;
  readonly eventsEnd: number;
}

const BEFORE_ALL: Place = { at: Number.NEGATIVE_INFINITY, id: '' };

/** Everything that the fold remembers of one area; the readings are its stations' own. */
export class AreaState extends SubjectState {
  readonly id: string;
  /** Its stations that are known here, by id. */
  members: readonly StationState[] = [];
  /** The rules that it is a subject of. */
  rules: readonly CompiledRule[] = [];
  /** Evaluated up to here: the newest instant of which every station that is not silent has told. */
  frontier = Number.NEGATIVE_INFINITY;
  /**
   * Up to here what was evaluated follows from the reports alone. Beyond it a station was taken for silent whose report
   * came after all: what lies there stands (a frontier never goes back) and is evaluated again when the reports decide.
   */
  sureTo = Number.NEGATIVE_INFINITY;
  /** What moved the frontier last, in event time: a report of this station, or (id empty) the time itself. */
  moved: Place = BEFORE_ALL;
  /** The newest report of any station, by (`observedAt`, station); follows from the stations. */
  newest: Place = BEFORE_ALL;
  /** The station that held the frontier back when last looked at: asked first. A shortcut, no state. */
  heldBy: StationState | null = null;
  /** Late data that waits for `replayAt`. */
  pending: PendingReplay | null = null;
  /** Not before the partition clock has come to here is the past evaluated again: late data must not stall the others. */
  replayAt = Number.NEGATIVE_INFINITY;
  /** What is kept to go on quickly; follows from the stations and their rules, so that no checkpoint holds it. */
  live: AreaLive | null = null;

  constructor(id: string) {
    super();
    this.id = id;
  }

  get subject(): Subject {
    return { kind: 'area', id: this.id };
  }

  /** Gives the area its stations, in the order of their ids. */
  setMembers(members: readonly StationState[]): void {
    this.members = members;
    this.heldBy = null;
    this.live = null;
    this.newest = BEFORE_ALL;
    for (const { newestAt, station } of members) {
      const place = { at: newestAt, id: station.id };
      if (!isBefore(place, this.newest)) this.newest = place;
    }
  }

  snapshot(): AreaSnapshot {
    return {
      id: this.id,
      frontier: finite(this.frontier),
      sureTo: finite(this.sureTo),
      moved: { at: finite(this.moved.at), id: this.moved.id },
      ...(this.pending ? { pending: finiteOf(this.pending) } : {}),
      ...(Number.isFinite(this.replayAt) ? { replayAt: this.replayAt } : {}),
      tracks: this.snapshotTracks(),
      ...this.snapshotWithdrawn(),
    };
  }

  static restore(from: AreaSnapshot): AreaState {
    const state = new AreaState(from.id);
    state.frontier = from.frontier ?? Number.NEGATIVE_INFINITY;
    state.sureTo = from.sureTo ?? Number.NEGATIVE_INFINITY;
    state.moved = { at: from.moved.at ?? Number.NEGATIVE_INFINITY, id: from.moved.id };
    if (from.pending)
      state.pending = {
        from: from.pending.from ?? Number.NEGATIVE_INFINITY,
        isLateData: from.pending.isLateData,
        dataEnd: from.pending.dataEnd ?? Number.POSITIVE_INFINITY,
        eventsEnd: from.pending.eventsEnd ?? Number.POSITIVE_INFINITY,
      };
    state.replayAt = from.replayAt ?? Number.NEGATIVE_INFINITY;
    state.restoreTracks(from.tracks);
    state.remember(from);
    return state;
  }
}

const finite = (at: number): number | null => (Number.isFinite(at) ? at : null);

const finiteOf = (pending: PendingReplay): PendingSnapshot => ({
  from: finite(pending.from),
  isLateData: pending.isLateData,
  dataEnd: finite(pending.dataEnd),
  eventsEnd: finite(pending.eventsEnd),
});

export interface PendingSnapshot {
  readonly from: number | null;
  readonly isLateData: boolean;
  readonly dataEnd: number | null;
  readonly eventsEnd: number | null;
}

export interface AreaSnapshot extends WithdrawnSnapshot {
  readonly id: string;
  readonly frontier: number | null;
  readonly sureTo: number | null;
  readonly moved: { readonly at: number | null; readonly id: string };
  readonly pending?: PendingSnapshot;
  readonly replayAt?: number;
  readonly tracks: readonly (readonly [string, TrackSnapshot])[];
}
