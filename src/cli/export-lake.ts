import { join } from 'node:path';
import type { Config } from '../app/config/schema.ts';
import { openLake } from '../app/lake/open.ts';
import { exportFormatOf, regionsOf } from '../app/lake/upkeep.ts';
import { writeLake } from '../app/lake/write.ts';
import { holdData } from '../app/stores/hold-data.ts';
import { openStore } from '../app/stores/store-kinds.ts';
import { systemClock } from '../lib/clock.ts';
import { configOfArchive } from './archive-place.ts';
import type { CommandIo } from './command.ts';
import { ProgressLine } from './progress.ts';
import { readStations } from './start.ts';

/** What `atalaia export --lake` was given. */
export interface LakeExport {
  readonly lake: string;
  readonly since: number | undefined;
  readonly config?: string | undefined;
  readonly data?: string | undefined;
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
}

/** Brings the lake up to the archive once; the server must be stopped, unless the archive is PostgreSQL. */
export async function exportLake(given: LakeExport, io: CommandIo): Promise<number> {
  const config = configOfArchive(given);
  const isEmbedded = config.store.kind === 'embedded';
  const medium = await openLake({ to: given.lake, region: given.region, endpoint: given.endpoint });
  try {
    const letGo = isEmbedded
      ? await holdData(config.data, 'export (or configure lake: in atalaia.yaml, and it writes by itself)')
      : async () => undefined;
    try {
      return await writeFrom(config, given, medium, io);
    } finally {
      await letGo();
    }
  } finally {
    medium.close();
  }
}

async function writeFrom(
  config: Config,
  { lake, since }: LakeExport,
  medium: Awaited<ReturnType<typeof openLake>>,
  io: CommandIo,
): Promise<number> {
  const log = {
    warn: (fields: object, message: string) =>
      void io.stderr.write(`${message}: ${JSON.stringify(fields)}\n`),
  };
  const { archive, ledger } = await openStore(config.store, { config, clock: systemClock, log });
  const progress = new ProgressLine(io.stderr);
  try {
    const report = await writeLake({
      archive,
      medium,
      since,
      format: exportFormatOf(config),
      // The file of the configuration may name stations that no start has taken over yet.
      regions: regionsOf([...readStations(config), ...(await ledger.stations())]),
      server: config.server.id,
      work: join(config.data, 'lake-work'),
      now: systemClock.now(),
      onMonth: (done, of) => progress.draw(done / of, `${done} of ${of} months`),
    });
    progress.clear();
    io.stderr.write(
      `${report.rows} rows in ${report.files} files of ${report.months} months -> ${lake} (${report.unchanged} months unchanged)\n`,
    );
    return 0;
  } finally {
    progress.clear();
    await archive.close();
    await ledger.close();
  }
}
