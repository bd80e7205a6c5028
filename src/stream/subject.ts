import type { Subject } from '../model/subject.ts';
import type { CompiledRule } from './compiled-rule.ts';
import {
  beginTrack,
  forgetBefore,
  moveLevels,
  restoreTrack,
  settleWithdrawn,
  snapshotTrack,
  type Track,
  type TrackSnapshot,
  type Withdrawn,
  withdrawnOf,
} from './track.ts';

const NO_TRACKS: ReadonlyMap<string, Track> = new Map();

/** What rules are about, a station or an area: its tracks by the names of their rules. */
export abstract class SubjectState {
  abstract readonly subject: Subject;
  /** A person raised its alert: its revisions bear what stands in the place of a rule. */
  readonly isByHand: boolean = false;
  /** Nearly all stations have none, and share the one empty map. */
  tracks: ReadonlyMap<string, Track> = NO_TRACKS;
  /** The due time that stands in the heap; infinite when none. */
  scheduledAt = Number.POSITIVE_INFINITY;
  /** By name: rules that are gone and had told alerts here. Hardly any subject has one. */
  #withdrawn: Map<string, Withdrawn> | null = null;
  #tracked: readonly CompiledRule[] = [];
  #tracksOf: readonly Track[] = [];

  #keep(rule: string, track: Track): void {
    if (this.tracks === NO_TRACKS) this.tracks = new Map([[rule, track]]);
    else (this.tracks as Map<string, Track>).set(rule, track);
  }

  track(rule: CompiledRule): Track {
    let track = this.tracks.get(rule.rule.name);
    if (!track) {
      track = this.begin(rule);
      this.hold(rule, track);
    }
    return track;
  }

  /** A track for a rule that has none, not kept yet. */
  begin({ rule, levels }: CompiledRule): Track {
    return beginTrack(levels.length, this.#withdrawn?.get(rule.name));
  }

  /** Keeps a track that was begun. */
  hold({ rule }: CompiledRule, track: Track): void {
    this.#keep(rule.name, track);
    this.#withdrawn?.delete(rule.name);
  }

  /** A rule is gone: of its track only the alerts told are remembered. */
  drop({ rule }: CompiledRule): void {
    const track = this.tracks.get(rule.name);
    const withdrawn = track ? withdrawnOf(track) : null;
    if (this.tracks !== NO_TRACKS) (this.tracks as Map<string, Track>).delete(rule.name);
    this.#tracked = [];
    if (!withdrawn) return;
    this.#withdrawn ??= new Map();
    this.#withdrawn.set(rule.name, withdrawn);
  }

  /** Something is remembered of rules that are gone. */
  get hasWithdrawn(): boolean {
    return this.#withdrawn !== null && this.#withdrawn.size > 0;
  }

  /** Takes over what another subject of the same name remembers of rules that are gone. */
  remember({ withdrawn = [] }: WithdrawnSnapshot): void {
    if (withdrawn.length === 0) return;
    this.#withdrawn = new Map(
      withdrawn.map(([name, { settledAt, past }]) => [
        name,
        { settledAt: settledAt ?? Number.NEGATIVE_INFINITY, past },
      ]),
    );
  }

  snapshotWithdrawn(): WithdrawnSnapshot {
    if (!this.#withdrawn?.size) return {};
    return {
      withdrawn: [...this.#withdrawn].map(([name, { settledAt, past }]) => [
        name,
        { settledAt: Number.isFinite(settledAt) ? settledAt : null, past },
      ]),
    };
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
    for (const track of this.tracks.values()) forgetBefore(track, at);
    if (!this.#withdrawn) return;
    for (const [name, before] of this.#withdrawn) {
      const after = settleWithdrawn(before, at);
      if (after) this.#withdrawn.set(name, after);
      else this.#withdrawn.delete(name);
    }
  }

  snapshotTracks(): (readonly [string, TrackSnapshot])[] {
    return [...this.tracks].map(([name, track]) => [name, snapshotTrack(track)]);
  }

  restoreTracks(from: readonly (readonly [string, TrackSnapshot])[]): void {
    for (const [name, track] of from) this.#keep(name, restoreTrack(track));
  }
}

/** Of rules that are gone: their alerts, by the names of the rules. */
export interface WithdrawnSnapshot {
  readonly withdrawn?: readonly (readonly [
    string,
    { readonly settledAt: number | null; readonly past: Withdrawn['past'] },
  ])[];
}
