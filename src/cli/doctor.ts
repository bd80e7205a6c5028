import { parseArgs } from 'node:util';
import { checkAccess } from '../app/access.ts';
import { loadConfig } from '../app/config/config.ts';
import type { Config } from '../app/config/schema.ts';
import { type Check, fail, ok } from '../app/doctor/check.ts';
import { checkContents, checkSample } from '../app/doctor/contents.ts';
import { checkClock, checkData, checkNode, checkPort, checkStationClocks } from '../app/doctor/machine.ts';
import { checkChannels, checkServices } from '../app/doctor/services.ts';
import { systemClock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { configFile } from './backup.ts';
import type { Command, CommandIo } from './command.ts';

const usage = `atalaia doctor [--config FILE] [--sample FILE]… [--ntp HOST] [--json]

Checks what a system needs and changes nothing: Node.js, configuration, clock, address, data directory (rights, room,
sync, lock), log, stores and sources (connected to), channels (reached, nothing is sent), stations, areas and rules.
A line each, with tabs between: ok, warn or fail; the name; what was found; the remedy.

  --config FILE  the configuration (default: atalaia.yaml, when there is one)
  --sample FILE  a producer's message to read as the doors would
  --ntp HOST     the time server to compare with (default: pool.ntp.org); none: compare with none
  --json         an array of checks as JSON

Examples:
  atalaia doctor --config atalaia.yaml
  atalaia doctor --ntp ntp.br --sample ecowitt-post.txt

Exit status: 0 nothing fails; 1 something does; 2 wrong usage; 78 wrong configuration.
`;

/** `atalaia doctor`: is everything there that a start needs? */
export const doctorCommand: Command = {
  usage,
  async run(argv, io) {
    const { values } = parseArgs({
      args: argv,
      options: {
        config: { type: 'string' },
        sample: { type: 'string', multiple: true, default: [] },
        ntp: { type: 'string', default: 'pool.ntp.org' },
        json: { type: 'boolean', default: false },
      },
    });
    const checks: Check[] = [];
    const add = (found: readonly Check[]): void => {
      checks.push(...found);
      if (!values.json) for (const check of found) io.stdout.write(lineOf(check));
    };
    add([checkNode()]);
    const file = configFile(values.config);
    const config = read(file);
    if (config instanceof AtalaiaError) {
      add([fail('configuration', config.message, 'Correct it; docs/atalaia.schema.json lists every key.')]);
      return ended(checks, values.json, io, 78);
    }
    add([ok('configuration', file ?? 'none: the defaults, which start the exercise')]);
    if (values.ntp !== 'none') add([await checkClock(values.ntp)]);
    add([await checkPort(config.listen)]);
    add(await checkData(config));
    add(await checkServices(config));
    add(await checkAccess(config, file, systemClock.now()));
    add(await checkChannels(config));
    add(await checkContents(config, file === null));
    add([await checkStationClocks(config.listen)]);
    for (const sample of values.sample) add([await checkSample(sample, systemClock.now())]);
    return ended(checks, values.json, io, checks.some(({ status }) => status === 'fail') ? 1 : 0);
  },
};

function read(file: string | null): Config | AtalaiaError {
  try {
    return loadConfig(file, process.env);
  } catch (error) {
    if (error instanceof AtalaiaError) return error;
    throw error;
  }
}

/** One line stays one line, whatever is in the text. */
const flat = (text: string): string => text.replace(/\s*[\t\r\n]+\s*/g, ' ');

const lineOf = ({ status, name, detail, remedy }: Check): string =>
  `${[status, name, detail, ...(remedy === undefined ? [] : [remedy])].map(flat).join('\t')}\n`;

function ended(checks: readonly Check[], isJson: boolean, io: CommandIo, status: number): number {
  if (isJson) io.stdout.write(`${JSON.stringify(checks)}\n`);
  return status;
}
