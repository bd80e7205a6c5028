import type { IngestRequest } from '../../api/deps.ts';
import { ClockOffsets } from '../../ingest/clock-offsets.ts';
import { type Decoded, decodeBody } from '../../ingest/decode/body.ts';
import { ingestResponse } from '../../ingest/response.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { Append, Log } from '../../log/log.ts';
import { decodeRecord, encodeRecord, encodeRecords } from '../../log/record-codec.ts';
import type { Area } from '../../model/area.ts';
import type { Refusal, Report } from '../../model/report.ts';
import type { Station } from '../../model/station.ts';
import { HOUR_MS } from '../../model/time.ts';
import type { HoldBounds, Ledger } from '../../store/ledger/ledger.ts';
import { areaDocuments, neighbourPartitions, partitionOf } from '../partition.ts';

export interface IntakeOptions {
  readonly log: Log;
  readonly ledger: Ledger;
  readonly now: () => number;
  readonly unknown: 'hold' | 'accept';
  /** What is held, or adopted unseen, of unknown stations at most: anybody may say any name at an open door. */
  readonly atMost: HoldBounds;
  /** Puts the changed registry in force. */
  readonly adopt: (stations: readonly Station[]) => Promise<void>;
  /** Changes the registry while no other process does; default at once. */
  readonly exclusively?: <T>(work: () => Promise<T>) => Promise<T>;
  readonly onCounted: (what: string, by: number) => void;
}

const MAX_LOOKED_AT = 1000;

/** From bytes to durable records: decode, find the station and its region, append. Nothing is answered before the log has it. */
export class Intake {
  readonly #options: IntakeOptions;
  /** How far the clocks of stations are from ours. */
  readonly clocks = new ClockOffsets();
  #stations = new Map<string, Station>();
  /** Partition of each station that has reported. */
  readonly #homes = new Map<string, number>();
  #areas: readonly Area[] = [];
  #neighbours: ReadonlyMap<string, readonly number[]> = new Map();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    this.#stations = new Map((await this.#options.ledger.stations()).map((station) => [station.id, station]));
    this.#route();
  }

  /** The named areas in force: reports go to every partition that holds an area listing their station. */
  setAreas(areas: readonly Area[]): void {
    this.#areas = areas;
    this.#route();
  }

  areas(): readonly Area[] {
    return this.#areas;
  }

  #route(): void {
    this.#homes.clear();
    if (this.#areas.length === 0) {
      this.#neighbours = new Map();
      return;
    }
    const documents = areaDocuments(this.#areas, this.#stations.values(), this.#options.log.partitions);
    this.#neighbours = neighbourPartitions(documents);
  }

  stations(): readonly Station[] {
    return [...this.#stations.values()];
  }

  station(id: string): Station | undefined {
    return this.#stations.get(id);
  }

  /** Answers `POST /observations` (design section 8). */
  async request({
    contentType,
    encoding,
    body,
    mayReport,
  }: IngestRequest): Promise<{ readonly status: number; readonly body: unknown }> {
    const receivedAt = this.#options.now();
    const read = decodeBody({
      contentType,
      encoding,
      body,
      receivedAt,
      stationInterval: (id) => this.#stations.get(id)?.intervalMs,
      ...(mayReport ? { isAllowed: (id) => mayReport(id, this.#stations.get(id)?.region) } : {}),
      onFuture: (id, observedAt) => this.clocks.seen(id, observedAt, receivedAt),
    });
    const decoded = withoutRefused(read, await this.append(read.reports.map(({ report }) => report)));
    this.#options.onCounted('accepted', decoded.reports.length);
    this.#options.onCounted('duplicates', decoded.duplicates);
    for (const { code } of read.refusals) this.#options.onCounted(`refused-${code}`, 1);
    return ingestResponse(decoded);
  }

  /**
   * Appends reports to the home partition of their stations; unknown stations wait or are adopted, by configuration.
   * Gives the reports that were not taken, which it has counted: of unknown stations, beyond what is kept of such.
   */
  async append(reports: readonly Report[]): Promise<ReadonlySet<Report>> {
    const unknown = reports.filter((report) => !this.#stations.has(report.station));
    const refused = unknown.length > 0 ? await this.#receiveUnknown(unknown) : none;
    const known =
      unknown.length > 0 ? reports.filter((report) => this.#stations.has(report.station)) : reports;
    if (known.length === 0) return refused;
    await this.#options.log.append(this.#entries(known));
    for (const { station, observedAt, receivedAt } of known)
      this.clocks.seen(station, observedAt, receivedAt);
    return refused;
  }

  /** Reports for their home partitions, and a copy marked as a neighbour's for each other one whose areas list their station. */
  #entries(reports: readonly Report[]): Append[] {
    const appends = encodeRecords(reports.map((report) => ({ kind: 'report', report }))).map(
      (payload, i): Append => {
        const key = (reports[i] as Report).station;
        return { partition: this.#homeOf(key), key, payload };
      },
    );
    if (this.#neighbours.size === 0) return appends;
    return reports.flatMap((report, i) => {
      const home = appends[i] as Append;
      const others = this.#neighbours.get(report.station);
      if (!others) return [home];
      const payload = encodeRecord({ kind: 'report', report, neighbour: true });
      return [home, ...others.map((partition) => ({ ...home, partition, payload }))];
    });
  }

  #homeOf(id: string): number {
    const known = this.#homes.get(id);
    if (known !== undefined) return known;
    const { region } = this.#stations.get(id) as Station;
    const home = partitionOf(region, this.#options.log.partitions);
    this.#homes.set(id, home);
    return home;
  }

  async #receiveUnknown(reports: readonly Report[]): Promise<ReadonlySet<Report>> {
    const { unknown, ledger, onCounted, atMost } = this.#options;
    if (unknown === 'accept') {
      await this.#acceptUnknown(reports, atMost.stations);
      const left = new Set(reports.filter(({ station }) => !this.#stations.has(station)));
      onCounted('refused-unknown-station', left.size);
      return left;
    }
    const refused = new Set<Report>();
    for (const report of reports) {
      const { station, receivedAt: at } = report;
      const payload = encodeRecord({ kind: 'report', report });
      const reason = `Station ${station} is not in the registry`;
      if (!(await ledger.hold({ kind: 'unknown-station', station, payload, reason, at }, atMost)))
        refused.add(report);
    }
    onCounted('held', reports.length - refused.size);
    onCounted('refused-unknown-station', refused.size);
    // Another process may have adopted it in between.
    await this.#foldHeld(reports.flatMap(({ station }) => this.#stations.get(station) ?? []));
    return refused;
  }

  /** Adopts stations unseen while there are fewer than `most` such. */
  #acceptUnknown(reports: readonly Report[], most: number): Promise<void> {
    const ids = [...new Set(reports.map((report) => report.station))];
    return this.#exclusively(async () => {
      // What another process knows of them by now is better.
      if (this.#options.exclusively) await this.load();
      const unseen = this.stations().filter(({ id, region }) => region === provisionalRegion(id)).length;
      const unknown = ids.filter((id) => !this.#stations.has(id)).slice(0, Math.max(0, most - unseen));
      if (unknown.length > 0) await this.#put(unknown.map((id) => provisional(id, reports)));
    });
  }

  /** Takes up what other processes changed in the registry; reports that were held here meanwhile are folded. */
  async refresh(): Promise<void> {
    const before = new Set(this.#stations.keys());
    await this.load();
    await this.#foldHeld(this.stations().filter(({ id }) => !before.has(id)));
  }

  /** Folds what is held of stations that are known: a process ended before it came to it. */
  async foldLeft(): Promise<void> {
    const held = await this.#options.ledger.held({ kind: 'unknown-station', limit: MAX_LOOKED_AT });
    await this.#foldHeld(
      [...new Set(held.map(({ station }) => station))].flatMap((id) => this.#stations.get(id ?? '') ?? []),
    );
  }

  /** Adds or changes stations; reports held for them are folded from now on. */
  put(stations: readonly Station[]): Promise<void> {
    return this.#exclusively(() => this.#put(stations));
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#options.exclusively?.(work) ?? work();
  }

  async #put(stations: readonly Station[]): Promise<void> {
    if (this.#options.exclusively) await this.load();
    for (const station of stations) {
      const known = this.#stations.get(station.id);
      if (known && known.region !== station.region) {
        throw new AtalaiaError(
          'ATL_CONFLICT',
          `Station ${station.id} is in region ${known.region}; a station that moves is adopted anew under another id.`,
        );
      }
    }
    await this.#options.ledger.putStations(stations);
    for (const station of stations) this.#stations.set(station.id, station);
    this.#route();
    await this.#options.adopt(this.stations());
    for (const station of stations) await this.#adoptHeld(station);
  }

  /** Looks for reports held for the stations, once for all: mostly there are none. */
  async #foldHeld(stations: readonly Station[]): Promise<void> {
    if (stations.length === 0) return;
    if ((await this.#options.ledger.held({ kind: 'unknown-station', limit: 1 })).length === 0) return;
    await this.#exclusively(async () => {
      for (const station of stations) await this.#adoptHeld(station);
    });
  }

  async #setAside(station: string, payload: Uint8Array, why: string): Promise<void> {
    const { ledger, now, onCounted } = this.#options;
    const reason = `held for station ${station}: ${why}`.slice(0, 1000);
    await ledger.hold({ kind: 'quarantine', payload, reason, at: now() });
    onCounted('quarantined', 1);
  }

  async #adoptHeld(station: Station): Promise<void> {
    for (;;) {
      const held = await this.#options.ledger.held({
        kind: 'unknown-station',
        station: station.id,
        limit: 1000,
      });
      if (held.length === 0) return;
      const reports: Report[] = [];
      for (const { payload } of held) {
        const found = reportOf(payload);
        if (typeof found !== 'string') reports.push(found);
        // One that cannot be read must not keep the others, and the station, from being adopted.
        else await this.#setAside(station.id, payload, found);
      }
      if (reports.length > 0) await this.#options.log.append(this.#entries(reports));
      await this.#options.ledger.release(held.map(({ id }) => id));
    }
  }
}

const none: ReadonlySet<Report> = new Set();

/** A held report, or why it cannot be read. */
function reportOf(payload: Uint8Array): Report | string {
  try {
    const record = decodeRecord(payload);
    return record.kind === 'report' ? record.report : `it is a record of kind ${record.kind}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What was decoded without the reports that {@link Intake.append} did not take, which are refused by name. */
export function withoutRefused<D extends Pick<Decoded, 'reports' | 'refusals'>>(
  decoded: D,
  refused: ReadonlySet<Report>,
): D {
  if (refused.size === 0) return decoded;
  const refusals = decoded.reports
    .filter(({ report }) => refused.has(report))
    .map(({ index, report: { station } }): Refusal => {
      const message = `Station ${station} is not in the registry, and no more is kept of unknown stations. Adopt or correct it: PUT /api/v1/stations/${encodeURIComponent(station)}.`;
      return { index, code: 'unknown-station', message };
    });
  return {
    ...decoded,
    reports: decoded.reports.filter(({ report }) => !refused.has(report)),
    refusals: [...decoded.refusals, ...refusals].sort((a, b) => a.index - b.index),
  };
}

const provisionalRegion = (id: string): string => `unknown-${id}`;

/** A station adopted unseen: it measures, but nobody knows where; 0, 0 is told as unknown by the dashboard. */
const provisional = (id: string, reports: readonly Report[]): Station => ({
  id,
  name: id,
  latitude: 0,
  longitude: 0,
  altitude: null,
  region: provisionalRegion(id),
  timeZone: 'UTC',
  intervalMs: reports.find((report) => report.station === id)?.intervalMs || HOUR_MS,
});
