import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { budgetOf, loadConfig, whyClosed } from '../app/config/config.ts';
import { type Config, configSchema } from '../app/config/schema.ts';
import { scenarioOf } from '../app/config/source-config.ts';
import { findRuleFiles } from '../app/rule-files.ts';
import { holdData } from '../app/stores/hold-data.ts';
import { type System, startSystem } from '../app/system.ts';
import { parseAreas } from '../ingest/areas.ts';
import { readBorders } from '../ingest/geo/borders.ts';
import { openScenario } from '../ingest/scenario.ts';
import { parseStations } from '../ingest/stations.ts';
import { systemClock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { systemRandom } from '../lib/random.ts';
import type { Area } from '../model/area.ts';
import { type Language, languages } from '../model/language.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import { weighRules } from '../rules/budget.ts';
import { loadRules } from '../rules/rule-set.ts';
import { loadTemplates, type Template } from '../rules/template.ts';
import type { Command, CommandIo } from './command.ts';
import { exerciseState, markFinished } from './exercise.ts';
import { Narrator } from './narrator.ts';
import { readVersion } from './version.ts';

const usage = `atalaia start [--config atalaia.yaml] [--port N] [--lang pt-BR|en]

The whole system in one process. Without a configuration it opens an exercise: the recorded storm of Rio Grande do Sul,
April-May 2024, streams through the real pipeline in about a minute; alerts appear here and at http://127.0.0.1:8080.

Examples:
  atalaia start
  atalaia start --port 9000 --lang en
  atalaia start --config atalaia.yaml

Exit status: 0 stopped by Ctrl-C or SIGTERM; 1 the address is taken or data is damaged; 78 wrong configuration.
`;

const root = fileURLToPath(new URL('../..', import.meta.url));
const MAX_PORTS_TRIED = 20;

export const startCommand: Command = {
  usage,
  async run(argv, io) {
    const { values } = parseArgs({
      args: argv,
      options: { config: { type: 'string' }, port: { type: 'string' }, lang: { type: 'string' } },
    });
    const lang = language(values.lang ?? process.env.ATALAIA_LANG ?? 'pt-BR');
    const file = values.config ?? (existsSync('atalaia.yaml') ? 'atalaia.yaml' : null);
    const config = file ? loadConfig(file, process.env) : exerciseConfig(loadConfig(null, process.env));
    const port = portOf(values.port ?? process.env.ATALAIA_PORT, config);
    const beginning = file ? 'configured' : await prepareExercise(config);
    return serve({ config, file, port, lang, isExercise: file === null, beginning }, io);
  },
};

function language(text: string): Language {
  const found = languages.find((known) => known === text);
  if (!found)
    throw new AtalaiaError('ATL_USAGE', `--lang ${text} is not known; ${languages.join(' or ')} is.`);
  return found;
}

function portOf(text: string | undefined, config: Config): number {
  const port = Number(text ?? config.listen.slice(config.listen.lastIndexOf(':') + 1));
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new AtalaiaError('ATL_USAGE', `--port ${text} is not a port from 0 to 65535.`);
  return port;
}

function exerciseConfig(config: Config): Config {
  const why = whyClosed(config);
  if (why !== null)
    throw new AtalaiaError(
      'ATL_CONFIG',
      `${why} needs users and station keys, which belong to a configuration. Write atalaia.yaml, or start without either for an exercise on this machine.`,
    );
  return configSchema.parse({
    ...config,
    environment: 'exercise',
    rules: [join(root, 'rules/inmet'), join(root, 'rules/templates')],
    data: join(resolve(config.data), 'exercise'),
    sources: [
      {
        kind: 'scenario',
        directory: join(root, 'scenarios/rs-2024'),
        duration: Number(process.env.ATALAIA_EXERCISE_SECONDS ?? 60) * 1000,
      },
    ],
    stations: { unknown: 'hold' },
  });
}

/**
 * An exercise that was played to its end is put aside, one that was interrupted goes on.
 * Rejects with ATL_CONFLICT while a server still shows the one that ended: its files are not taken from under it.
 */
async function prepareExercise(config: Config): Promise<'new' | 'anew' | 'resumed'> {
  const source = scenarioOf(config);
  const state =
    source && existsSync(config.data)
      ? exerciseState(config.data, openScenario(source.directory).endAt)
      : 'none';
  if (state === 'none') return 'new';
  if (state === 'unfinished') return 'resumed';
  await (await holdData(config.data, 'wait for its end'))();
  rmSync(`${config.data}.previous`, { recursive: true, force: true });
  renameSync(config.data, `${config.data}.previous`);
  return 'anew';
}

interface Serving {
  readonly config: Config;
  readonly file: string | null;
  readonly port: number;
  readonly lang: Language;
  readonly isExercise: boolean;
  readonly beginning: 'new' | 'anew' | 'resumed' | 'configured';
}

async function serve(
  { config, file, port, lang, isExercise, beginning }: Serving,
  io: CommandIo,
): Promise<number> {
  const log = pino(
    { level: process.env.ATALAIA_LOG_LEVEL ?? (isExercise ? 'warn' : 'info') },
    pino.destination({ fd: 2, sync: true }),
  );
  const stopping = Promise.withResolvers<number>();
  // Listened for from the first moment, so that Ctrl-C while opening ends in order too.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.resolve(0));
  const webRoot = join(root, 'web/dist');
  const stations = readStations(config);
  const rules = readRules(config.rules);
  refuseHeavy(rules, stations, config);
  const system = await startSystem({
    config,
    file,
    rules,
    templates: readTemplates(config.rules),
    stations,
    areas: readAreas(config, stations),
    ...(config.borders === undefined
      ? {}
      : { borders: readBorders(Buffer.from(readText(config.borders)), config.borders) }),
    clock: systemClock,
    random: systemRandom,
    log,
    webRoot: existsSync(join(webRoot, 'index.html')) ? webRoot : null,
    version: readVersion(),
    onFatal: (error) => {
      log.fatal({ err: error }, 'cannot go on');
      stopping.resolve(1);
    },
  });
  const narrator = new Narrator(system, io, lang, config.environment);
  try {
    const bound = await listen(system, config, port, isExercise);
    narrator.begin({ url: `http://${bound.host}:${bound.port}`, wanted: port, port: bound.port, beginning });
    log.info({ host: bound.host, port: bound.port, environment: config.environment }, 'listening');
    void system.play().then(
      (isAtEnd) => {
        const player = system.player();
        if (!isAtEnd || !player) return;
        if (isExercise) markFinished(config.data, player.at);
        narrator.finished();
      },
      (error) => {
        log.fatal({ err: error }, 'the recording cannot be played');
        stopping.resolve(1);
      },
    );
    return await stopping.promise;
  } finally {
    narrator.end();
    await system.stop();
  }
}

async function listen(
  system: System,
  config: Config,
  wanted: number,
  isExercise: boolean,
): Promise<{ host: string; port: number }> {
  const host = config.listen.slice(0, config.listen.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  for (let port = wanted; ; port++) {
    try {
      return { host, ...(await system.api.listen(host, port)) };
    } catch (cause) {
      if ((cause as { code?: string }).code !== 'ATL_ADDRESS_TAKEN') throw cause;
      if (!isExercise || port >= wanted + MAX_PORTS_TRIED) {
        throw new AtalaiaError(
          'ATL_ADDRESS_TAKEN',
          `${host}:${port} is taken by another program. Stop it, or choose another port with --port.`,
          { cause },
        );
      }
    }
  }
}

/** The rules of a configuration. Throws ATL_CONFIG with every problem and its place. */
export function readRules(paths: readonly string[]): readonly Rule[] {
  const { rules, problems } = loadRules(findRuleFiles(paths, 'rules'));
  if (problems.length > 0) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      problems.map((p) => `${p.file}:${p.line}:${p.column}: ${p.message}`).join('\n'),
    );
  }
  return rules;
}

/** The templates of alerts that lie beside the rules. Throws ATL_CONFIG with every problem and its place. */
function readTemplates(paths: readonly string[]): readonly Template[] {
  const { templates, problems } = loadTemplates(findRuleFiles(paths, 'templates'));
  if (problems.length === 0) return templates;
  throw new AtalaiaError(
    'ATL_CONFIG',
    problems.map((p) => `${p.file}:${p.line}:${p.column}: ${p.message}`).join('\n'),
  );
}

/** Rules that would cost more than one machine has are refused before anything is folded. */
function refuseHeavy(rules: readonly Rule[], stations: readonly Station[], config: Config): void {
  const { problems } = weighRules(rules, stations, {
    latenessMs: config.pipeline.lateness,
    budget: budgetOf(config),
  });
  if (problems.length > 0)
    throw new AtalaiaError('ATL_CONFIG', `The rules are too heavy: ${problems.join('\n')}`);
}

/** The registry of a configuration: that of its recording and its file. Throws ATL_CONFIG. */
export function readStations(config: Config): readonly Station[] {
  const source = scenarioOf(config);
  const recorded = source ? openScenario(source.directory).stations : [];
  if (!config.stations.file) return recorded;
  const { stations, problems } = parseStations(readText(config.stations.file), config.stations.file);
  if (problems.length > 0) throw new AtalaiaError('ATL_CONFIG', problems.join('\n'));
  return [...recorded, ...stations];
}

/** Lists stations that the registry knows only at run time too: these are no flaw here. */
export function readAreas({ areas: file }: Config, stations: readonly Station[]): readonly Area[] {
  if (file === undefined) return [];
  const { areas, problems } = parseAreas(readText(file), file, stations.length > 0 ? stations : undefined);
  if (problems.length > 0) throw new AtalaiaError('ATL_CONFIG', problems.join('\n'));
  return areas;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AtalaiaError('ATL_CONFIG', `${file} cannot be read. Name an existing file in atalaia.yaml.`, {
      cause,
    });
  }
}
