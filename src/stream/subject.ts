import type { Subject } from '../model/alert.ts';
import type { CompiledRule } from './compiled-rule.ts';
import {
  moveLevels,
  newTrack,
  restoreTrack,
  snapshotTrack,
  type Track,
  type TrackSnapshot,
} from './track.ts';

/** What rules are about, a station or an area: its tracks by the names of their rules. */
export abstract class SubjectState {
  abstract readonly subject: Subject;
  readonly tracks = new Map<string, Track>();
  /** The due time that stands in the heap; infinite when none. */
  scheduledAt = Number.POSITIVE_INFINITY;
  #tracked: readonly CompiledRule[] = [];
  #tracksOf: readonly Track[] = [];

  track(rule: CompiledRule): Track {
    let track = this.tracks.get(rule.rule.name);
    if (!track) {
      track = newTrack(rule.levels.length);
      this.tracks.set(rule.rule.name, track);
    }
    return track;
  }

  /** The tracks of a list of rules, in its order. */
  tracksOf(rules: readonly CompiledRule[]): readonly Track[] {
    if (this.#tracked !== rules) {
      this.#tracked = rules;
      this.#tracksOf = rules.map((rule) => this.track(rule));
    }
    return this.#tracksOf;
  }

  /** Goes on with a new version of a rule. */
  adopt(before: CompiledRule, after: CompiledRule): void {
    const track = this.tracks.get(after.rule.name);
    if (!track) return;
    moveLevels(
      track,
      before.rule.levels.map(({ level }) => level),
      after.rule.levels.map(({ level }) => level),
    );
  }

  /** Forgets what no evaluation at or after `at` can need. */
  forgetTracks(at: number): void {
    for (const track of this.tracks.values()) {
      track.timeline.forget(at);
      if (track.ended && track.ended.endedAt < at) track.ended = null;
    }
  }

  snapshotTracks(): (readonly [string, TrackSnapshot])[] {
    return [...this.tracks].map(([name, track]) => [name, snapshotTrack(track)]);
  }

  restoreTracks(from: readonly (readonly [string, TrackSnapshot])[]): void {
    for (const [name, track] of from) this.tracks.set(name, restoreTrack(track));
  }
}
