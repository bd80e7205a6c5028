import { enableCompileCache } from 'node:module';
import { commands } from './cli/index.ts';
import { readVersion } from './cli/version.ts';
import { AtalaiaError, errorCodes } from './lib/errors.ts';

// What was compiled once begins at once the next time; threads take it from the environment.
const { directory: compiled } = enableCompileCache();
if (compiled !== undefined) process.env.NODE_COMPILE_CACHE ??= compiled;

/** argv to a command, and what it throws to an exit status (design section 8). */
async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help());
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-V') {
    process.stdout.write(`${readVersion()}\n`);
    return 0;
  }
  const listed = commands.find((known) => known.name === name);
  if (!listed) {
    process.stderr.write(`atalaia: '${name}' is not a command.\n\n${help()}`);
    return 2;
  }
  const command = await listed.load();
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(command.usage);
    return 0;
  }
  try {
    return await command.run(rest, process);
  } catch (error) {
    return explain(error, name);
  }
}

function explain(error: unknown, command: string): number {
  if (error instanceof AtalaiaError) {
    process.stderr.write(`atalaia: ${error.message}\n`);
    return errorCodes[error.code].exit;
  }
  if (error instanceof Error && (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')) {
    process.stderr.write(`atalaia: ${error.message}. See: atalaia ${command} --help.\n`);
    return 2;
  }
  process.stderr.write(
    `atalaia: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return 1;
}

function help(): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`);
  return `Atalaia: real-time weather alerts.\n\natalaia <command> [options]\n\n${lines.join('\n')}\n\natalaia <command> --help tells more, with examples; atalaia --version tells the version.\n`;
}

// A closed pipe behind us (head, less) ends the output, not the exit status.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const status = await main(process.argv.slice(2));
// A full pipe takes the rest later: wait for it, then end whatever a failed start left open (a worker, a socket).
for (const stream of [process.stdout, process.stderr])
  await new Promise<void>((done) => stream.write('', () => done()));
process.exit(status);
