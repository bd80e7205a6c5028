import { formatInstant } from '../../src/model/time.ts';
import type { Scheduler } from './scheduler.ts';
import { type Cadence, type SentReport, Sky } from './weather.ts';

export interface ProducerOptions {
  readonly scheduler: Scheduler;
  readonly cadence: Cadence;
  readonly stations: readonly string[];
  readonly until: number;
  /** Sends a body to the front; resolves with its answer, or undefined when the connection broke. */
  readonly post: (body: string) => Promise<{ readonly status: number; readonly body: unknown } | undefined>;
  /** A report that the front answered for: accepted, or refused with a code. */
  readonly onAnswered: (report: SentReport, refusal: string | null) => void;
}

interface Answer {
  readonly accepted?: number;
  readonly rejected?: readonly {
    readonly index: number;
    readonly quantity?: string;
    readonly code: string;
  }[];
}

const BATCH = 20;
/** How much of the span between two reports a station's habits may take. */
const habits = [
  'punctual',
  'punctual',
  'punctual',
  'patchy',
  'late',
  'correcting',
  'fast-clock',
  'future',
] as const;

/** Stations that measure, keep what is not acknowledged and send it again: repeats, late and corrected reports. */
export class Producers {
  readonly #options: ProducerOptions;
  readonly #waiting = new Map<string, SentReport[]>();
  readonly #sending = new Set<string>();
  readonly #offUntil = new Map<string, number>();

  /** Reports and rounds of measuring that are still to come. */
  #toCome = 0;

  constructor(options: ProducerOptions) {
    this.#options = options;
  }

  /** Everything was measured, sent and answered for. */
  get isDone(): boolean {
    return (
      this.#toCome === 0 &&
      this.#sending.size === 0 &&
      [...this.#waiting.values()].every((w) => w.length === 0)
    );
  }

  start(): void {
    const { scheduler, stations, cadence } = this.#options;
    stations.forEach((id, i) => {
      this.#waiting.set(id, []);
      const sky = new Sky(scheduler);
      const first = Math.ceil((scheduler.now + 1) / cadence.intervalMs) * cadence.intervalMs;
      this.#toCome++;
      this.#measure(id, habits[i % habits.length] as (typeof habits)[number], sky, first);
    });
  }

  #measure(id: string, habit: (typeof habits)[number], sky: Sky, at: number): void {
    const { scheduler, cadence, until } = this.#options;
    if (at > until) {
      this.#toCome--;
      return;
    }
    scheduler.after(at - scheduler.now + scheduler.random() * 2000, () => {
      const skew =
        habit === 'fast-clock' ? 120_000 : habit === 'future' && scheduler.chance(0.1) ? 900_000 : 0;
      const report: SentReport = { station: id, observedAt: at + skew, ...sky.next() };
      const isLost = habit === 'patchy' && scheduler.chance(0.15);
      if (!isLost) this.#send(habit, report);
      if (habit === 'patchy' && scheduler.chance(0.02))
        this.#offUntil.set(id, scheduler.now + cadence.intervalMs * (2 + scheduler.pick(8)));
      this.#measure(id, habit, sky, at + cadence.intervalMs);
    });
  }

  #send(habit: (typeof habits)[number], report: SentReport): void {
    const { scheduler, cadence } = this.#options;
    const hold =
      habit === 'late' && scheduler.chance(0.2) ? cadence.intervalMs * (1 + scheduler.pick(20)) : 0;
    this.#toCome++;
    scheduler.after(hold, () => {
      this.#toCome--;
      this.#waiting.get(report.station)?.push(report);
      this.#flush(report.station);
    });
  }

  #flush(id: string): void {
    const { scheduler } = this.#options;
    const waiting = this.#waiting.get(id) as SentReport[];
    if (waiting.length === 0 || this.#sending.has(id)) return;
    const off = (this.#offUntil.get(id) ?? 0) - scheduler.now;
    if (off > 0) {
      this.#sending.add(id);
      scheduler.after(off, () => this.#again(id));
      return;
    }
    this.#sending.add(id);
    const batch = waiting.slice(0, BATCH);
    void this.#exchange(batch).then((isAnswered) => {
      if (!isAnswered) return void scheduler.after(500 + scheduler.random() * 3000, () => this.#again(id));
      waiting.splice(0, batch.length);
      // Now and then the answer is not believed, and everything is sent once more.
      if (scheduler.chance(0.03)) void this.#exchange(batch);
      this.#again(id);
    });
  }

  #again(id: string): void {
    this.#sending.delete(id);
    this.#flush(id);
  }

  async #exchange(batch: readonly SentReport[]): Promise<boolean> {
    const { post, onAnswered, cadence, stations, scheduler } = this.#options;
    const items = batch.map(({ station, observedAt, rainfall, windGust }) => ({
      ...{ station, observedAt: formatInstant(observedAt), interval: `PT${cadence.intervalMs / 60_000}M` },
      values: { rainfall, windGust },
    }));
    const answer = await post(JSON.stringify(items));
    if (!answer || (answer.status !== 202 && answer.status !== 422)) return false;
    const { rejected = [] } = answer.body as Answer;
    batch.forEach((report, index) => {
      const refusal = rejected.find((one) => one.index === index)?.code ?? null;
      onAnswered(report, refusal);
      const isCorrecting = habits[stations.indexOf(report.station) % habits.length] === 'correcting';
      if (
        refusal === null &&
        isCorrecting &&
        !this.#corrected.has(report.observedAt) &&
        scheduler.chance(0.2)
      ) {
        this.#corrected.add(report.observedAt);
        const rainfall = Math.round(scheduler.random() * 60) / 10;
        this.#waiting.get(report.station)?.push({ ...report, rainfall });
      } else if (isCorrecting) this.#corrected.add(report.observedAt);
    });
    return true;
  }

  /** Instants of the correcting station whose first answer was seen: a correction is made once, after it. */
  readonly #corrected = new Set<number>();
}
