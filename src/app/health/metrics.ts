import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Hold } from '../../store/ledger/hold.ts';
import type { SelfTestStatus } from '../self-test/verdict.ts';
import type { NeighbourCounts } from './neighbour-watch.ts';

/** Our own measurements in the Prometheus text format; names follow its conventions. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #records = new Counter({
    name: 'atalaia_records_total',
    help: 'Reports and readings by what became of them',
    labelNames: ['what'],
    registers: [this.#registry],
  });
  readonly #events = new Counter({
    name: 'atalaia_alert_events_total',
    help: 'Alert revisions by event and level',
    labelNames: ['event', 'level'],
    registers: [this.#registry],
  });
  readonly #deliveries = new Counter({
    name: 'atalaia_deliveries_total',
    help: 'Delivery attempts by outcome, and deliveries held back by cause',
    labelNames: ['outcome'],
    registers: [this.#registry],
  });
  readonly #delivery = new Histogram({
    name: 'atalaia_delivery_seconds',
    help: 'Time of one delivery attempt that arrived',
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [this.#registry],
  });
  readonly #lagRecords = new Gauge({
    name: 'atalaia_lag_records',
    help: 'Records in the log that are not folded yet',
    registers: [this.#registry],
  });
  readonly #lagSeconds = new Gauge({
    name: 'atalaia_lag_seconds',
    help: 'Newest tick written, less the oldest partition clock',
    registers: [this.#registry],
  });
  readonly #archiveLag = new Gauge({
    name: 'atalaia_archive_lag_seconds',
    help: 'How long the oldest observation has waited for the archive',
    registers: [this.#registry],
  });
  readonly #held = new Gauge({
    name: 'atalaia_deliveries_held',
    help: '1 while a person holds deliveries, of reds and of lower levels, else 0',
    labelNames: ['level'],
    registers: [this.#registry],
  });
  readonly #outbox = new Gauge({
    name: 'atalaia_outbox_oldest_seconds',
    help: 'How long the oldest alert revision has waited to be handed to the channels; 0 when none waits',
    registers: [this.#registry],
  });
  readonly #ready = new Gauge({
    name: 'atalaia_ready',
    help: '1 when this server can warn people now, as /readyz says, else 0',
    registers: [this.#registry],
  });
  readonly #heartbeats = new Counter({
    name: 'atalaia_heartbeats_total',
    help: 'Signals to the watcher outside, by outcome; withheld where this server was not ready',
    labelNames: ['outcome'],
    registers: [this.#registry],
  });
  readonly #workers = new Gauge({
    name: 'atalaia_workers',
    help: 'Threads that fold; 1 where the main thread does',
    registers: [this.#registry],
  });
  readonly #workerRestarts = new Counter({
    name: 'atalaia_worker_restarts_total',
    help: 'Threads that fold and ended by themselves; each was replaced',
    registers: [this.#registry],
  });
  readonly #sources = new Gauge({
    name: 'atalaia_source_up',
    help: 'Whether a source of the configuration is connected to its broker',
    labelNames: ['source'],
    registers: [this.#registry],
  });
  readonly #lakeRuns = new Counter({
    name: 'atalaia_lake_runs_total',
    help: 'Runs that brought the Parquet lake up to the archive, by outcome',
    labelNames: ['outcome'],
    registers: [this.#registry],
  });
  readonly #lakeRows = new Counter({
    name: 'atalaia_lake_rows_total',
    help: 'Rows in files of the lake that were written',
    registers: [this.#registry],
  });
  readonly #retained = new Counter({
    name: 'atalaia_retention_rows_total',
    help: 'Readings that retention took from the archive',
    registers: [this.#registry],
  });
  readonly #selfTest = new Gauge({
    name: 'atalaia_self_test_ok',
    help: '1 when the newest finished test of every channel passed and none is overdue, else 0',
    registers: [this.#registry],
  });
  readonly #selfTestChannel = new Gauge({
    name: 'atalaia_self_test_channel_ok',
    help: 'By channel of the newest test: 1 delivered within the deadline, 0 failed or late; absent while it runs',
    labelNames: ['channel'],
    registers: [this.#registry],
  });
  readonly #selfTestSeconds = new Gauge({
    name: 'atalaia_self_test_channel_seconds',
    help: 'From the beginning of the newest test to the acknowledgement by the receiver of a channel',
    labelNames: ['channel'],
    registers: [this.#registry],
  });
  readonly #selfTestAt = new Gauge({
    name: 'atalaia_self_test_timestamp_seconds',
    help: 'When the newest test began, seconds since 1970',
    registers: [this.#registry],
  });
  readonly #open = new Gauge({
    name: 'atalaia_alerts_open',
    help: 'Open alerts by level',
    labelNames: ['level'],
    registers: [this.#registry],
  });
  readonly #neighbourSuspect = new Gauge({
    name: 'atalaia_stations_suspect',
    help: 'Stations that their neighbours speak against, by check',
    labelNames: ['check'],
    registers: [this.#registry],
  });
  readonly #isolated = new Gauge({
    name: 'atalaia_stations_isolated',
    help: 'Stations with a quantity that has too few neighbours to hold it against',
    registers: [this.#registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  counted(what: string, by: number): void {
    if (by > 0) this.#records.inc({ what }, by);
  }
  event(event: string, level: string): void {
    this.#events.inc({ event, level });
  }
  delivery(outcome: string, tookMs?: number, by = 1): void {
    this.#deliveries.inc({ outcome }, by);
    if (tookMs !== undefined) this.#delivery.observe(tookMs / 1000);
  }
  heartbeat(outcome: 'sent' | 'failed' | 'withheld'): void {
    this.#heartbeats.inc({ outcome });
  }

  workerRestarted(): void {
    this.#workerRestarts.inc();
  }
  lake(outcome: 'written' | 'failed', rows: number): void {
    this.#lakeRuns.inc({ outcome });
    this.#lakeRows.inc(rows);
  }
  retained(rows: number): void {
    this.#retained.inc(rows);
  }
  source(source: string, isUp: boolean): void {
    this.#sources.set({ source }, isUp ? 1 : 0);
  }
  selfTest({ ok, newest }: SelfTestStatus): void {
    this.#selfTest.set(ok ? 1 : 0);
    this.#selfTestChannel.reset();
    this.#selfTestSeconds.reset();
    if (newest) this.#selfTestAt.set(newest.run.at / 1000);
    for (const { channel, state, tookMs } of newest?.channels ?? []) {
      if (state !== 'waiting') this.#selfTestChannel.set({ channel }, state === 'delivered' ? 1 : 0);
      if (tookMs !== undefined) this.#selfTestSeconds.set({ channel }, tookMs / 1000);
    }
  }
  gauges(values: {
    lagRecords: number;
    lagMs: number;
    archiveLagMs: number;
    workers: number;
    outboxMs: number;
    hold: Hold | null;
    isReady: boolean;
    open: Readonly<Record<string, number>>;
    neighbours: NeighbourCounts;
  }): void {
    this.#lagRecords.set(values.lagRecords);
    this.#lagSeconds.set(values.lagMs / 1000);
    this.#archiveLag.set(values.archiveLagMs / 1000);
    this.#workers.set(values.workers);
    this.#outbox.set(values.outboxMs / 1000);
    this.#held.set({ level: 'lower' }, values.hold ? 1 : 0);
    this.#held.set({ level: 'red' }, values.hold?.red ? 1 : 0);
    this.#ready.set(values.isReady ? 1 : 0);
    for (const [check, count] of Object.entries(values.neighbours.suspect))
      this.#neighbourSuspect.set({ check }, count);
    this.#isolated.set(values.neighbours.isolated);
    for (const [level, count] of Object.entries(values.open)) this.#open.set({ level }, count);
  }
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
