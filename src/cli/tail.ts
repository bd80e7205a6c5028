import { parseArgs } from 'node:util';
import { AtalaiaError } from '../lib/errors.ts';
import type { Command } from './command.ts';

const usage = `atalaia tail [--url http://127.0.0.1:8080] [--once]

Prints alert events as they happen, one JSON object per line: first the open alerts, then every change.
  --once    ends after the open alerts

Example:
  atalaia tail | jq -r '[.at,.level,.subject.id,.event] | @tsv'
`;

export const tailCommand: Command = {
  usage,
  async run(argv, io) {
    const { values } = parseArgs({
      args: argv,
      options: {
        url: { type: 'string', default: 'http://127.0.0.1:8080' },
        once: { type: 'boolean', default: false },
      },
    });
    const response = await fetch(`${values.url}/api/v1/stream`).catch((cause: unknown) => {
      throw new AtalaiaError(
        'ATL_INPUT',
        `${values.url} does not answer. Is the server running? Give its address with --url.`,
        { cause },
      );
    });
    if (!response.ok || !response.body)
      throw new AtalaiaError('ATL_INPUT', `${values.url} answered ${response.status}.`);
    let rest = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith('data: ')) io.stdout.write(`${line.slice(6)}\n`);
        else if (values.once && line.startsWith(':')) return 0;
      }
    }
    return 0;
  },
};
