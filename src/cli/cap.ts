import { parseArgs } from 'node:util';
import { profileNames } from '../alerts/cap/read/profiles.ts';
import { openReader } from '../app/cap/reader.ts';
import { systemClock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { parseInstant } from '../model/time.ts';
import { listForeign } from './cap-active.ts';
import { checkFiles } from './cap-check.ts';
import type { Command } from './command.ts';

const usage = `atalaia cap check FILE… [--profile NAME] [--verify [--trust CERT]]   judges CAP messages (1.2, 1.1, 1.0) and Atom or RSS feeds of them
atalaia cap active FILE… [--at INSTANT] [--all | --drills]           lists the warnings in force of messages and feeds (also GeoJSON of api.weather.gov)

check writes a line per file: VERDICT, FILE and reasons, with a tab between; a reason is "clause: what is wrong", with "; "
between. Nothing that a file names is opened or fetched.

  --profile NAME   ask what a receiver asks, too: ${profileNames.join(', ')}
  --verify         two more columns tell what the signature is worth: over the message as served, and over the message
                   with blanks between elements dropped, as members of the WMO sign; one must hold
  --trust CERT     the PEM certificate that must have signed, or issued the one that did; else the one in the message
                   is believed, which proves only that nothing was altered

Verdicts:
  accept             keeps the standard
  accept-warn        keeps it, with something that a careful sender would not do
  reject-malformed   is no well-formed XML, or not in the encoding it declares
  reject-security    has a DOCTYPE, or is larger or deeper than any message is
  reject-schema      breaks the schema of its version
  sig-invalid        was altered after it was signed
  reject-rule        breaks a rule of the standard that no schema can say
  reject-geometry    has a polygon that crosses itself
  reject-profile     breaks what Google, IPAWS, MeteoAlarm or Brazil ask

active puts updates, cancellations and expiry together, in whatever order the files are given. A line per warning with a
tab between: state, our level or -, severity/urgency/certainty, expiry, sender, identifier, event, areas.
  --at INSTANT   as of then, 2026-01-15T14:03:00Z; now unless given
  --all          also what is expired, superseded, cancelled or withdrawn
  --drills       exercises and tests instead of real warnings

Examples:
  atalaia cap check warning.xml
  atalaia cap active avisos.rss messages/*.xml
  atalaia cap check messages/*.xml | grep -v ^accept

Exit status: 0 all accepted (active: all read); 1 one was rejected or cannot be read; 2 wrong usage.
`;

/** The options that belong to each verb. */
const verbOptions = { check: ['profile', 'verify', 'trust'], active: ['at', 'all', 'drills'] };

export const capCommand: Command = {
  usage,
  async run(argv, io) {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        profile: { type: 'string' },
        verify: { type: 'boolean', default: false },
        trust: { type: 'string' },
        at: { type: 'string' },
        all: { type: 'boolean', default: false },
        drills: { type: 'boolean', default: false },
      },
    });
    const [verb, ...paths] = positionals;
    if (verb !== undefined && verb !== 'check' && verb !== 'active')
      throw new AtalaiaError('ATL_USAGE', `'cap ${verb}' is not a command; check and active are.`);
    if (verb === undefined || paths.length === 0)
      throw new AtalaiaError('ATL_USAGE', `Give check or active, and a file.\n\n${usage}`);
    const [strange] = Object.entries(values).filter(
      ([name, value]) => value && !verbOptions[verb].includes(name),
    );
    if (strange) throw new AtalaiaError('ATL_USAGE', `--${strange[0]} does not belong to 'cap ${verb}'.`);
    if (verb === 'check') return checkFiles(openReader(), paths, values, io);
    const now = values.at === undefined ? systemClock.now() : parseInstant(values.at);
    if (now === undefined)
      throw new AtalaiaError('ATL_USAGE', `--at ${values.at} is no instant such as 2026-01-15T14:03:00Z.`);
    return listForeign(openReader(), paths, { now, all: values.all, drills: values.drills }, io);
  },
};
