import type { IngestRequest } from '../api/deps.ts';
import { decodeBody } from '../ingest/decode/body.ts';
import { ingestResponse } from '../ingest/response.ts';
import { AtalaiaError, invariant } from '../lib/errors.ts';
import type { Append, Log } from '../log/log.ts';
import { decodeRecord, encodeRecord } from '../log/record-codec.ts';
import type { Area } from '../model/area.ts';
import type { Report } from '../model/report.ts';
import type { Station } from '../model/station.ts';
import { HOUR_MS } from '../model/time.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { areaDocuments, neighbourPartitions, partitionOf } from './partition.ts';

export interface IntakeOptions {
  readonly log: Log;
  readonly ledger: Ledger;
  readonly now: () => number;
  readonly unknown: 'hold' | 'accept';
  /** Puts the changed registry in force. */
  readonly adopt: (stations: readonly Station[]) => Promise<void>;
  readonly onCounted: (what: string, by: number) => void;
}

/** From bytes to durable records: decode, find the station and its region, append. Nothing is answered before the log has it. */
export class Intake {
  readonly #options: IntakeOptions;
  #stations = new Map<string, Station>();
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
  }: IngestRequest): Promise<{ readonly status: number; readonly body: unknown }> {
    const receivedAt = this.#options.now();
    const decoded = decodeBody({
      contentType,
      encoding,
      body,
      receivedAt,
      stationInterval: (id) => this.#stations.get(id)?.intervalMs,
    });
    const reports = decoded.reports.map(({ report }) => report);
    await this.append(reports);
    this.#options.onCounted('accepted', reports.length);
    this.#options.onCounted('duplicates', decoded.duplicates);
    for (const { code } of decoded.refusals) this.#options.onCounted(`refused-${code}`, 1);
    return ingestResponse(decoded);
  }

  /** Appends reports to the home partition of their stations; unknown stations wait or are adopted, by configuration. */
  async append(reports: readonly Report[]): Promise<void> {
    const unknown = reports.filter((report) => !this.#stations.has(report.station));
    if (unknown.length > 0) await this.#receiveUnknown(unknown);
    const known = reports.filter((report) => this.#stations.has(report.station));
    if (known.length === 0) return;
    await this.#options.log.append(known.flatMap((report) => this.#entries(report)));
  }

  /** A report for its home partition, and a copy marked as a neighbour's for each other one whose areas list its station. */
  #entries(report: Report): Append[] {
    const { region } = this.#stations.get(report.station) as Station;
    const key = report.station;
    const home = {
      partition: partitionOf(region, this.#options.log.partitions),
      key,
      payload: encodeRecord({ kind: 'report', report }),
    };
    const others = this.#neighbours.get(key);
    if (!others) return [home];
    const payload = encodeRecord({ kind: 'report', report, neighbour: true });
    return [home, ...others.map((partition) => ({ partition, key, payload }))];
  }

  async #receiveUnknown(reports: readonly Report[]): Promise<void> {
    if (this.#options.unknown === 'accept') {
      const ids = [...new Set(reports.map((report) => report.station))];
      await this.put(ids.map((id) => provisional(id, reports)));
      return;
    }
    for (const report of reports) {
      await this.#options.ledger.hold({
        kind: 'unknown-station',
        station: report.station,
        payload: encodeRecord({ kind: 'report', report }),
        reason: `Station ${report.station} is not in the registry`,
        at: report.receivedAt,
      });
    }
    this.#options.onCounted('held', reports.length);
  }

  /** Adds or changes stations; reports held for them are folded from now on. */
  async put(stations: readonly Station[]): Promise<void> {
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

  async #adoptHeld(station: Station): Promise<void> {
    for (;;) {
      const held = await this.#options.ledger.held({
        kind: 'unknown-station',
        station: station.id,
        limit: 1000,
      });
      if (held.length === 0) return;
      await this.#options.log.append(
        held.flatMap(({ payload }) => {
          const record = decodeRecord(payload);
          invariant(record.kind === 'report', 'what is held for a station is its reports');
          return this.#entries(record.report);
        }),
      );
      await this.#options.ledger.release(held.map(({ id }) => id));
    }
  }
}

/** A station adopted unseen: it measures, but nobody knows where; 0, 0 is told as unknown by the dashboard. */
const provisional = (id: string, reports: readonly Report[]): Station => ({
  id,
  name: id,
  latitude: 0,
  longitude: 0,
  altitude: null,
  region: `unknown-${id}`,
  timeZone: 'UTC',
  intervalMs: reports.find((report) => report.station === id)?.intervalMs || HOUR_MS,
});
