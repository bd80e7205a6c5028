import { parseArgs } from 'node:util';
import { makeVapid } from '../lib/web-push.ts';
import type { Command } from './command.ts';

const usage = `atalaia vapid

Makes the key pair of a web-push channel (RFC 8292). The private key goes to standard output, for the file or the variable
that the configuration names; the public one, which browsers subscribe with, to the terminal. A new pair ends every
subscription that was made with the old one.

Example:
  atalaia vapid > vapid.key
`;

export const vapidCommand: Command = {
  usage,
  async run(argv, io) {
    parseArgs({ args: argv, options: {} });
    const { publicKey, privateKey } = makeVapid();
    io.stderr.write(`Public key: ${publicKey}\n`);
    io.stdout.write(`${privateKey}\n`);
    return 0;
  },
};
