import { parseArgs } from 'node:util';
import { AtalaiaError } from '../lib/errors.ts';
import { formatInstant } from '../model/time.ts';
import { type AuditNote, type AuditStore, verifyAudit } from '../store/ledger/audit.ts';
import { row, withAccess } from './access-store.ts';
import type { Command, CommandIo } from './command.ts';

const usage = `atalaia audit verify [--head HASH] | list [--config FILE]

Who did what, when and why: acts on alerts, approvals, silences, holds, users and keys. Each entry bears the SHA-256 of the
entry before and its own text, so that one that was changed, taken out or put in shows.

  --head HASH       a hash that you noted: it must still stand in the log, else its end was cut off
  --config FILE     the configuration (default: atalaia.yaml)

\`verify\` prints how many entries there are and the newest hash: note it elsewhere. Exit status 1, and the first entry that
does not fit, when the log was touched. \`list\` prints number, time, who, action, subject, reason and refusal, with tabs
between.

Examples:
  atalaia audit verify
  atalaia audit verify --head 5f1c…
  atalaia audit list | grep alert.publish
`;

const PAGE = 1000;

async function verify(store: AuditStore, head: string | undefined, io: CommandIo): Promise<number> {
  const found = await verifyAudit(store, head);
  if ('broken' in found) {
    io.stdout.write(`broken at entry ${found.broken}: ${found.why}\n`);
    return 1;
  }
  io.stdout.write(
    `${found.entries === 1 ? '1 entry is' : `${found.entries} entries are`} whole\nhead ${found.head}\n`,
  );
  if (found.knows) return 0;
  io.stdout.write(
    `the hash ${head} is not among them: the end of the log was cut off, or it is another log\n`,
  );
  return 1;
}

async function list(store: AuditStore, io: CommandIo): Promise<number> {
  for (let after = 0; ; ) {
    const page = await store.audit({ after, limit: PAGE });
    for (const { number, json } of page) {
      const { at, by, action, subject, reason = '', refused = '' } = JSON.parse(json) as AuditNote;
      io.stdout.write(row([number, formatInstant(at), by, action, subject, reason, refused]));
    }
    after = page.at(-1)?.number ?? after;
    if (page.length < PAGE) return 0;
  }
}

export const auditCommand: Command = {
  usage,
  async run(argv, io) {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: { config: { type: 'string' }, head: { type: 'string' } },
    });
    const [verb, ...rest] = positionals;
    if ((verb !== 'verify' && verb !== 'list') || rest.length > 0)
      throw new AtalaiaError('ATL_USAGE', 'audit: verify or list. See atalaia audit --help.');
    return withAccess(values.config, (_access, _config, audit) =>
      verb === 'list' ? list(audit, io) : verify(audit, values.head, io),
    );
  },
};
