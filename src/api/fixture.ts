import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AlertRevision } from '../model/alert.ts';
import type { Station } from '../model/station.ts';
import type { SeriesPoint } from '../store/archive/archive.ts';
import { sampleAt } from '../store/ledger/sample.ts';
import { openSqliteLedger, type SqliteLedger } from '../store/ledger/sqlite/ledger.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import type { ApiDeps, IngestRequest } from './deps.ts';

/** What a test of the interface works with: the real ledger, and fakes that record. */
export interface Fixture {
  readonly deps: ApiDeps;
  readonly ledger: SqliteLedger;
  readonly ingested: IngestRequest[];
  readonly stations: Station[];
  /** Commits revisions and tells the listeners, as the application does. */
  commit(...revisions: readonly AlertRevision[]): Promise<void>;
  remove(): Promise<void>;
}

/** A station for tests. */
const sampleStation: Station = {
  id: 'A801',
  name: 'Porto Alegre',
  latitude: -30.05,
  longitude: -51.17,
  altitude: 41,
  region: '4314902',
  timeZone: 'America/Sao_Paulo',
  intervalMs: 3_600_000,
};

const points: readonly SeriesPoint[] = [
  { at: sampleAt, values: { rainfall: { value: 12.4, count: 1, min: 12.4, max: 12.4, flag: 'good' } } },
];

/** Opens a fixture in a new folder; `overrides` replace parts. */
export async function openFixture(overrides: Partial<ApiDeps> = {}): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'atalaia-api-'));
  const ledger = await openSqliteLedger({ path: join(folder, 'ledger.sqlite') });
  const listeners = new Set<(revision: StoredRevision) => void>();
  const ingested: IngestRequest[] = [];
  const stations: Station[] = [sampleStation];
  const quiet = () => undefined;
  const deps: ApiDeps = {
    ledger,
    archive: {
      series: async () => points,
      commit: async () => undefined,
      positions: async () => [],
      durablePositions: async () => [],
      latest: async () => [],
      aggregates: async () => {
        throw new Error('this fixture has no hours');
      },
      export: async () => ({ rows: 0 }),
      keepMarks: async () => undefined,
      marks: async () => [],
      months: async () => [],
      dropBefore: async () => ({ months: [], rows: 0 }),
      close: async () => undefined,
    },
    environment: 'exercise',
    language: 'en',
    ingest: async (request) => {
      ingested.push(request);
      return { status: 202, body: { accepted: 1, duplicates: 0, rejected: [] } };
    },
    now: () => sampleAt,
    status: () => ({ speed: 60 }),
    readiness: () => ({ ready: true, checks: [{ name: 'tick', ok: true, detail: '1 s' }] }),
    metrics: async () => 'atalaia_up 1\n',
    onRevision(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
    capFeed: async ({ format }) => ({ body: `<${format}/>`, etag: 'v1', updatedAt: sampleAt }),
    rules: () => [],
    stations: () => stations,
    putStation: async (station) => {
      stations.push(station);
    },
    webRoot: null,
    log: { info: quiet, warn: quiet, error: quiet },
    ...overrides,
  };
  return {
    deps,
    ledger,
    ingested,
    stations,
    async commit(...revisions) {
      const { epoch, offset: from } = await ledger.acquire(0);
      const rows = revisions.map((revision, index) => ({ offset: from + index, index: 0, revision }));
      await ledger.commit([
        { partition: 0, epoch, from, to: from + rows.length, revisions: rows, clockAt: sampleAt },
      ]);
      for (const row of rows) {
        const { alert, revision } = row.revision.event;
        const stored = (await ledger.history(alert)).find(
          (entry) => entry.revision.event.revision === revision,
        );
        if (stored) for (const listener of listeners) listener(stored);
      }
    },
    async remove() {
      await ledger.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
