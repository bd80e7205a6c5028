import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../app/config/config.ts';
import type { Config } from '../app/config/schema.ts';
import {
  fitNowcasts,
  keepNowcasts,
  newestForecasts,
  nowcastMeasure,
  overAll,
  readNowcasts,
  type ScoreRow,
  scoreNowcasts,
} from '../app/nowcast.ts';
import { holdData } from '../app/stores/hold-data.ts';
import { openStore } from '../app/stores/store-kinds.ts';
import { systemClock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { formatInstant, HOUR_MS, parseInstant, parseSpan } from '../model/time.ts';
import { models } from '../statistics/nowcast.ts';
import type { Archive } from '../store/archive/archive.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { configFile } from './backup.ts';
import type { Command, CommandIo } from './command.ts';
import { ProgressLine } from './progress.ts';
import { readStations } from './start.ts';

const usage = `atalaia nowcast fit|score|forecast --quantity NAME [--config FILE]

A baseline forecast of the next hours, from the archive alone: persistence, exponential smoothing with a daily cycle, and
quantile regression on lags. What a better model has to beat (docs/nowcast.md).

  fit       fits the three to each station and keeps them in the ledger under the hash of their content
  score     scores them on hours after those fitted to, beside persistence
  forecast  the newest forecasts, as far as the last hours of a station are there

  --quantity NAME  such as airTemperature or rainfall
  --horizons LIST  fit: hours ahead, with commas between (default: 1h,3h,6h; 24h at most)
  --from T         fit: first instant of history (default: all); score: first forecast (default: the end of the fit)
  --to T           fit: end of the hours fitted to (default: after three quarters of the history); score: end (default: now)
  --ndjson         forecast: the median as forecasts that rules read, to POST /api/v1/forecasts (docs/forecasts.md)
  --json           JSON instead of lines with tabs between
  --config FILE    the configuration (default: atalaia.yaml, when there is one)

The server must be stopped (with store.kind postgresql it may run).

Examples:
  atalaia nowcast fit --quantity airTemperature
  atalaia nowcast score --quantity airTemperature --json
`;

const EARLIEST = Date.UTC(1800, 0, 1);
const works = { fit, score, forecast };

interface Asked {
  readonly config: Config;
  readonly quantity: string;
  readonly horizons: readonly number[];
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly json: boolean;
  readonly ndjson: boolean;
}
interface Open {
  readonly archive: Archive;
  readonly ledger: Ledger;
}

/** `atalaia nowcast`: the baseline that other forecasts are measured against. */
export const nowcastCommand: Command = {
  usage,
  async run(argv, io) {
    const { work, asked } = parse(argv);
    const { config } = asked;
    const isEmbedded = config.store.kind === 'embedded';
    if (isEmbedded && !existsSync(join(config.data, 'archive.duckdb')))
      throw new AtalaiaError(
        'ATL_NOT_FOUND',
        `No archive in ${config.data}. Import history first (atalaia import).`,
      );
    const letGo = isEmbedded ? await holdData(config.data, 'run nowcast') : async () => undefined;
    const log = {
      warn: (fields: object, message: string) =>
        void io.stderr.write(`${message}: ${JSON.stringify(fields)}\n`),
    };
    try {
      const open = await openStore(config.store, { config, clock: systemClock, log });
      try {
        await work(asked, open, io);
        return 0;
      } finally {
        await open.archive.close();
        await open.ledger.close();
      }
    } finally {
      await letGo();
    }
  },
};

function parse(argv: string[]): {
  work: (asked: Asked, open: Open, io: CommandIo) => Promise<void>;
  asked: Asked;
} {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      quantity: { type: 'string' },
      horizons: { type: 'string', default: '1h,3h,6h' },
      from: { type: 'string' },
      to: { type: 'string' },
      json: { type: 'boolean', default: false },
      ndjson: { type: 'boolean', default: false },
    },
  });
  const work = Object.entries(works).find(([name]) => name === positionals[0])?.[1];
  if (!work || positionals.length !== 1)
    throw new AtalaiaError('ATL_USAGE', `Write: atalaia nowcast fit, score or forecast.\n\n${usage}`);
  const { quantity } = values;
  if (quantity === undefined) throw new AtalaiaError('ATL_USAGE', 'Give --quantity, such as airTemperature.');
  nowcastMeasure(quantity);
  const instant = (name: 'from' | 'to'): number | undefined => {
    const at = values[name] === undefined ? undefined : parseInstant(values[name]);
    if (at === undefined && values[name] !== undefined)
      throw new AtalaiaError(
        'ATL_USAGE',
        `--${name} ${values[name]} is no instant. Write it as 2024-01-01T00:00:00Z.`,
      );
    return at === undefined ? undefined : Math.floor(at / HOUR_MS) * HOUR_MS;
  };
  const horizons = values.horizons.split(',').map((text) => (parseSpan(text) ?? 0) / HOUR_MS);
  if (!horizons.every((hours) => Number.isInteger(hours) && hours >= 1 && hours <= 24))
    throw new AtalaiaError(
      'ATL_USAGE',
      `--horizons is ${values.horizons}. Give whole hours from 1h to 24h, with commas between.`,
    );
  return {
    work,
    asked: {
      config: loadConfig(configFile(values.config), process.env),
      quantity,
      horizons: [...new Set(horizons)].sort((a, b) => a - b),
      from: instant('from'),
      to: instant('to'),
      json: values.json,
      ndjson: values.ndjson,
    },
  };
}

async function fit(
  { config, quantity, horizons, from, to }: Asked,
  { archive, ledger }: Open,
  io: CommandIo,
): Promise<void> {
  const known = [...readStations(config), ...(await ledger.stations())].map(({ id }) => id);
  const stations = [...new Set(known)];
  const progress = new ProgressLine(io.stderr);
  const table = await fitNowcasts({
    ...{
      archive,
      stations,
      quantity,
      horizons,
      from: from ?? EARLIEST,
      fittedTo: to,
      now: systemClock.now(),
    },
    onStation: (done) => progress.draw(done / stations.length, `${done} of ${stations.length} stations`),
  }).finally(() => progress.clear());
  const hash = await keepNowcasts(ledger, table);
  io.stderr.write(
    `nowcast ${hash.slice(0, 12)} of ${quantity} at ${Object.keys(table.stations).length} stations, fitted to hours before ${formatInstant(table.fittedTo)}\n`,
  );
}

async function score(
  { quantity, from, to, json }: Asked,
  { archive, ledger }: Open,
  io: CommandIo,
): Promise<void> {
  const { hash, table } = await readNowcasts(ledger, quantity);
  const rows = await scoreNowcasts(archive, table, { from, to: to ?? systemClock.now() });
  if (rows.length === 0)
    throw new AtalaiaError(
      'ATL_INPUT',
      `The archive has no hours of ${quantity} after ${formatInstant(from ?? table.fittedTo)} to score on. Fit to less (fit --to T).`,
    );
  const all = [...overAll(rows), ...rows];
  if (json)
    io.stdout.write(
      `${JSON.stringify({ nowcast: hash, quantity, fittedTo: formatInstant(table.fittedTo), scores: all }, null, 2)}\n`,
    );
  else io.stdout.write(scoreLines(all));
}

/** A line for each station, horizon and model; `skill` is the part of persistence's mean error that the model takes away. */
function scoreLines(rows: readonly ScoreRow[]): string {
  const lines = rows.flatMap(({ station, horizon, scores }) =>
    models.map((name) => {
      const { mae, pinball, within } = scores[name];
      const skill = 1 - mae / scores.persistence.mae;
      const figures = [mae, pinball, within, skill].map((value) =>
        Number.isFinite(value) ? value.toFixed(3) : '-',
      );
      return [station, `${horizon}h`, name, scores.n, ...figures].join('\t');
    }),
  );
  return `${['station\thorizon\tmodel\tn\tmae\tpinball\twithin\tskill', ...lines].join('\n')}\n`;
}

async function forecast(
  { quantity, to, json, ndjson }: Asked,
  { archive, ledger }: Open,
  io: CommandIo,
): Promise<void> {
  const { hash, table } = await readNowcasts(ledger, quantity);
  const found = await newestForecasts(archive, table, to ?? systemClock.now());
  if (ndjson) {
    io.stdout.write(forRules(quantity, found));
    return;
  }
  const rows = found.map(({ at, horizon, ...rest }) => ({
    ...{
      kind: 'forecast',
      nowcast: hash.slice(0, 12),
      quantity,
      madeAt: formatInstant(at - (horizon - 1) * HOUR_MS),
    },
    ...{ observedAt: formatInstant(at + HOUR_MS), horizon: `${horizon}h` },
    ...rest,
  }));
  if (json) {
    io.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  const lines = rows.map((row) =>
    [
      row.kind,
      row.station,
      row.madeAt,
      row.observedAt,
      row.horizon,
      ...row.regression.map((value) => value.toFixed(1)),
    ].join('\t'),
  );
  io.stdout.write(`${['kind\tstation\tmadeAt\tobservedAt\thorizon\tp10\tp50\tp90', ...lines].join('\n')}\n`);
}

/** The median of `regression` of each station as one forecast, in the canonical unit: what `POST /forecasts` takes. */
function forRules(quantity: string, found: Awaited<ReturnType<typeof newestForecasts>>): string {
  const stations = new Map<string, { issuedAt: number; values: { validAt: string; value: number }[] }>();
  for (const { station, at, horizon, regression } of found) {
    const issuedAt = at - (horizon - 1) * HOUR_MS;
    const one = stations.get(station) ?? { issuedAt, values: [] };
    stations.set(station, one);
    const [, middle = Number.NaN] = regression;
    one.values.push({ validAt: formatInstant(at + HOUR_MS), value: Math.round(middle * 1000) / 1000 });
  }
  return [...stations]
    .map(([station, { issuedAt, values }]) => {
      const head = {
        station,
        issuer: 'nowcast',
        issuedAt: formatInstant(issuedAt),
        quantity,
        interval: 'PT1H',
      };
      return `${JSON.stringify({ ...head, values })}\n`;
    })
    .join('');
}
