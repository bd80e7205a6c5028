import { FrontierHistory } from './area-history.ts';
import { AreaInstants } from './area-instants.ts';
import { AreaStep, AreaTruths } from './area-step.ts';
import type { CompiledRule } from './compiled-rule.ts';
import type { StationState } from './station-state.ts';

/** What an area keeps beside its state to go on quickly. All of it follows from the stations, and may be dropped at any time. */
export class AreaLive {
  readonly truths: AreaTruths;
  readonly history: FrontierHistory;
  readonly #members: readonly StationState[];
  readonly #steps = new Map<CompiledRule, { readonly step: AreaStep; readonly instants: AreaInstants }>();

  constructor(members: readonly StationState[]) {
    this.#members = members;
    this.truths = new AreaTruths(members);
    this.history = new FrontierHistory(members);
  }

  /** How a rule goes on at the frontier. */
  of(rule: CompiledRule): { readonly step: AreaStep; readonly instants: AreaInstants } {
    let found = this.#steps.get(rule);
    if (!found) {
      found = this.past(rule);
      this.#steps.set(rule, found);
    }
    return found;
  }

  /** The same for a way through the past. */
  past(rule: CompiledRule): { readonly step: AreaStep; readonly instants: AreaInstants } {
    return { step: new AreaStep(this.truths), instants: new AreaInstants(this.#members, rule.inputs) };
  }

  /** Readings of a station changed at `at`; nobody asks before `keptFrom`. */
  cut(station: StationState, at: number, keptFrom: number): void {
    const place = this.truths.places.get(station);
    if (place === undefined) return;
    this.truths.cut(place, at, keptFrom);
    this.history.forget(keptFrom);
    for (const { step, instants } of this.#steps.values()) {
      step.cut(place, at);
      instants.refresh(station);
    }
  }

  forgetAhead(): void {
    for (const { instants } of this.#steps.values()) instants.forget();
  }
}
