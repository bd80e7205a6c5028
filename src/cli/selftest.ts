import { parseArgs } from 'node:util';
import { AtalaiaError } from '../lib/errors.ts';
import type { Command } from './command.ts';

const usage = `atalaia selftest now [--to http://127.0.0.1:8080] [--token TOKEN]

Has a running server test its way from the log to every channel now, beside the daily test (selfTest in atalaia.yaml),
waits for the end and prints what each channel did. Ends with 1 when a channel failed.

  --to URL       the server
  --token TOKEN  a token of an operator; better in the environment: ATALAIA_KEY

Example:
  atalaia selftest now --to https://alertas.example.org
`;
const LOOK_MS = 500;

interface Answer {
  readonly state?: string;
  readonly at?: string;
  readonly deadlineAt?: string;
  readonly detail?: string;
  readonly channels?: readonly { channel: string; state: string; tookMs?: number; reason?: string }[];
}

/** `atalaia selftest now`: begins a test and waits for it. */
export const selftestCommand: Command = {
  usage,
  async run(argv, io) {
    if (argv.includes('--help') || argv.includes('-h')) {
      io.stdout.write(usage);
      return 0;
    }
    const { values, positionals } = readArguments(argv);
    if (positionals.length !== 1 || positionals[0] !== 'now')
      throw new AtalaiaError('ATL_USAGE', 'selftest: say `now`. See atalaia selftest --help.');
    const ask = asking(values.to, values.token ?? process.env.ATALAIA_KEY);
    const begun = await ask('POST');
    // The server decides at the deadline; a little more for its looks at the ledger.
    const until = Date.parse(begun.deadlineAt ?? '') + 10_000;
    for (;;) {
      const answer = await ask('GET');
      const isOurs = Date.parse(answer.at ?? '') >= Date.parse(begun.at ?? '');
      if ((isOurs && answer.state !== 'running') || !(Date.now() < until)) {
        for (const { channel, state, tookMs, reason } of answer.channels ?? [])
          io.stdout.write(`${[channel, state, tookMs ?? '', reason ?? ''].join('\t')}\n`);
        return isOurs && answer.state === 'passed' ? 0 : 1;
      }
      await new Promise((done) => setTimeout(done, LOOK_MS));
    }
  },
};

function readArguments(argv: string[]) {
  const to = { type: 'string', default: 'http://127.0.0.1:8080' } as const;
  try {
    return parseArgs({ args: argv, options: { to, token: { type: 'string' } }, allowPositionals: true });
  } catch (error) {
    throw new AtalaiaError('ATL_USAGE', `selftest: ${(error as Error).message} See atalaia selftest --help.`);
  }
}

function asking(to: string, token: string | undefined): (method: 'GET' | 'POST') => Promise<Answer> {
  const url = URL.parse('/api/v1/self-test', to);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new AtalaiaError('ATL_USAGE', `selftest: --to ${to} must be a URL like http://127.0.0.1:8080.`);
  return async (method) => {
    const response = await fetch(url, {
      method,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    }).catch((cause: unknown) => {
      throw new AtalaiaError('ATL_INPUT', `${to} does not answer. Give the server's address with --to.`, {
        cause,
      });
    });
    const answer = (await response.json()) as Answer;
    if (response.ok) return answer;
    throw new AtalaiaError('ATL_INPUT', `${to} answered ${response.status}: ${answer.detail ?? ''}`);
  };
}
