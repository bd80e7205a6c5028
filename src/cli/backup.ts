import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { backUp } from '../app/backup/backup.ts';
import { loadConfig } from '../app/config/config.ts';
import { systemClock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import type { Command } from './command.ts';

const usage = `atalaia backup [--config FILE] --to FOLDER|FILE.tar

Copies the data directory (log, ledger, archive, checkpoints), rules and configuration without secrets, with a list of
checksums. The server may run meanwhile. The copy appears under its name when it is whole; nothing is written over.

  --config FILE  the configuration (default: atalaia.yaml, when there is one)
  --to PLACE     a folder that is empty or not there, or one file that ends in .tar

Examples:
  atalaia backup --config atalaia.yaml --to /backups/$(date +%F)
  atalaia backup --to /backups/today.tar
`;

/** The configuration that is meant, and its file; null without one. */
export const configFile = (given: string | undefined): string | null =>
  given ?? (existsSync('atalaia.yaml') ? 'atalaia.yaml' : null);

/** `atalaia backup`: a consistent copy of everything, while the server runs or not. */
export const backupCommand: Command = {
  usage,
  async run(argv, io) {
    const { values } = parseArgs({
      args: argv,
      options: { config: { type: 'string' }, to: { type: 'string' } },
    });
    if (values.to === undefined)
      throw new AtalaiaError('ATL_USAGE', 'Name the place with --to FOLDER or --to FILE.tar.');
    const file = configFile(values.config);
    const config = loadConfig(file, process.env);
    const { files, whileRunning } = await backUp({
      config,
      file,
      to: resolve(values.to),
      clock: systemClock,
    });
    const bytes = files.reduce((sum, each) => sum + each.bytes, 0);
    io.stderr.write(
      `${files.length} files, ${(bytes / 2 ** 20).toFixed(1)} MiB -> ${values.to}${whileRunning ? ' (the server ran meanwhile)' : ''}\n`,
    );
    return 0;
  },
};
