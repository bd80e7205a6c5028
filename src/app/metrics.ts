import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

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
    help: 'Delivery attempts by outcome',
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
  readonly #open = new Gauge({
    name: 'atalaia_alerts_open',
    help: 'Open alerts by level',
    labelNames: ['level'],
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
  delivery(outcome: string, tookMs?: number): void {
    this.#deliveries.inc({ outcome });
    if (tookMs !== undefined) this.#delivery.observe(tookMs / 1000);
  }
  workerRestarted(): void {
    this.#workerRestarts.inc();
  }
  gauges(values: {
    lagRecords: number;
    lagMs: number;
    archiveLagMs: number;
    workers: number;
    open: Readonly<Record<string, number>>;
  }): void {
    this.#lagRecords.set(values.lagRecords);
    this.#lagSeconds.set(values.lagMs / 1000);
    this.#archiveLag.set(values.archiveLagMs / 1000);
    this.#workers.set(values.workers);
    for (const [level, count] of Object.entries(values.open)) this.#open.set({ level }, count);
  }
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
