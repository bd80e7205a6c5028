import type { Scenario } from '../ingest/scenario.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import type { Log } from '../log/log.ts';
import type { Report } from '../model/report.ts';
import { appendTick } from './ticker.ts';

export interface PlayerState {
  readonly name: string;
  readonly startAt: number;
  readonly endAt: number;
  /** The recording's time. */
  readonly at: number;
  /** Recorded seconds per second. */
  readonly speed: number;
  readonly state: 'playing' | 'finished';
  readonly reports: number;
}

/** Plays a recording into the log at high speed: whenever its time advances a tick to every partition, then the reports of that time. */
export class Player {
  readonly #scenario: Scenario;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #append: (reports: readonly Report[]) => Promise<unknown>;
  readonly #durationMs: number;
  #at: number;
  #reports = 0;
  #isStopped = false;
  #isFinished = false;

  /** `resumeAt`: the recording's time up to which the log has it; -Infinity at first. Its reports are sent again: repeats change nothing. */
  constructor(options: {
    scenario: Scenario;
    log: Log;
    clock: Clock;
    append: (reports: readonly Report[]) => Promise<unknown>;
    durationMs: number;
    resumeAt: number;
  }) {
    this.#scenario = options.scenario;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#append = options.append;
    this.#durationMs = options.durationMs;
    this.#at = Math.max(options.resumeAt, options.scenario.startAt);
  }

  get state(): PlayerState {
    const { name, startAt, endAt } = this.#scenario;
    const speed = Math.round((endAt - startAt) / this.#durationMs);
    return {
      name,
      startAt,
      endAt,
      at: this.#at,
      speed,
      state: this.#isFinished ? 'finished' : 'playing',
      reports: this.#reports,
    };
  }

  /**
   * Resolves when the recording has been played or stopped, or as soon as `mayPlay` says no: where processes share a log,
   * one of them plays. `resumeAt`: up to where the log has it; two that play it for a moment only repeat each other.
   */
  async play(mayPlay: () => boolean = () => true, resumeAt = this.#at): Promise<void> {
    const { startAt, endAt } = this.#scenario;
    this.#at = Math.max(resumeAt, startAt);
    const from = this.#at;
    const began = this.#clock.monotonicMs();
    let group: Report[] = [];
    for (const report of this.#scenario.reports()) {
      if (report.receivedAt < from) continue;
      const last = group[0]?.receivedAt;
      if (last !== undefined && report.receivedAt > last) {
        const due = began + ((last - from) / (endAt - startAt)) * this.#durationMs;
        await this.#step(last, group, due, mayPlay);
        if (this.#isStopped || !mayPlay()) return;
        group = [];
      }
      group.push(report);
    }
    if (group[0]) await this.#step(group[0].receivedAt, group, 0, mayPlay);
    this.#isFinished = !this.#isStopped && mayPlay();
  }

  /** Another process plays the recording, and has come this far. */
  follow(at: number): void {
    this.#at = Math.max(this.#at, Math.min(at, this.#scenario.endAt));
    this.#isFinished = this.#at >= this.#scenario.endAt;
  }

  async #step(
    at: number,
    reports: readonly Report[],
    dueMonotonicMs: number,
    mayPlay: () => boolean,
  ): Promise<void> {
    const wait = dueMonotonicMs - this.#clock.monotonicMs();
    if (wait > 0) await sleep(this.#clock, wait);
    if (this.#isStopped || !mayPlay()) return;
    await appendTick(this.#log, at, false);
    await this.#append(reports);
    this.#at = at;
    this.#reports += reports.length;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  stop(): void {
    this.#isStopped = true;
  }
}
