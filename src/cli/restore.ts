import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { restore } from '../app/backup/restore.ts';
import { loadConfig } from '../app/config/config.ts';
import { systemClock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { configFile } from './backup.ts';
import type { Command } from './command.ts';

const usage = `atalaia restore FOLDER|FILE.tar [--config FILE]

Brings a backup into the data directory of the configuration, which must be empty or not there. Every checksum is checked
first. What the backup had not sent yet is marked as not to be sent: the restored system tells nobody anything old.
Configuration and rules of the backup are laid beside the data, in restored/settings, and change nothing by themselves.

  --config FILE  the configuration (default: atalaia.yaml, when there is one)

Examples:
  atalaia restore /backups/2024-05-01 --config atalaia.yaml
`;

/** `atalaia restore`: a backup into an empty data directory, silent about the past. */
export const restoreCommand: Command = {
  usage,
  async run(argv, io) {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: { config: { type: 'string' } },
    });
    const [from, ...more] = positionals;
    if (from === undefined || more.length > 0)
      throw new AtalaiaError('ATL_USAGE', 'Name one backup. See atalaia restore --help.');
    const config = loadConfig(configFile(values.config), process.env);
    const { manifest, dropped, settings } = await restore({
      config,
      from: resolve(from),
      clock: systemClock,
    });
    io.stderr.write(
      `The backup of ${manifest.createdAt} is in ${config.data}. ${dropped} deliveries of then will not be sent. Its configuration and rules: ${settings}\n`,
    );
    return 0;
  },
};
