import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { erasePerson, exportPerson } from '../api/subscribers/desk.ts';
import { systemClock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { withAccess } from './access-store.ts';
import type { Command } from './command.ts';

const usage = `atalaia subscriber export|erase ADDRESS [--config FILE]

What is kept about an address (e-mail, telephone number, chat), for a person who asks the office: LGPD, article 18.
\`export\` prints it as JSON. \`erase\` takes out subscriptions, consents, requests and the address in deliveries, and prints
how much of each; \`left\` counts subscriptions of the configuration, which you take out there. A server may run beside.

  --config FILE     the configuration (default: atalaia.yaml)

Examples:
  atalaia subscriber export ana@example.org > ana.json
  atalaia subscriber erase +5551999998888
`;

export const subscriberCommand: Command = {
  usage,
  async run(argv, io) {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: { config: { type: 'string' } },
    });
    const [verb, address = '', ...rest] = positionals;
    if ((verb !== 'export' && verb !== 'erase') || address === '' || rest.length > 0)
      throw new AtalaiaError(
        'ATL_USAGE',
        'subscriber: export or erase, and an address. See atalaia subscriber --help.',
      );
    return withAccess(values.config, async (_access, config, ledger) => {
      const asking = { by: `command line (${userInfo().username})`, now: systemClock.now() };
      const person = { address, channels: Object.keys(config.channels) };
      const found =
        verb === 'export'
          ? await exportPerson(ledger, person, asking)
          : await erasePerson(ledger, { ...person, office: true }, asking);
      io.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
      return 0;
    });
  },
};
