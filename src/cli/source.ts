import { readFileSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadConfig } from '../app/config/config.ts';
import { writtenOrOursOf } from '../app/config/source-config.ts';
import { wis2Data } from '../app/sources/wis2.ts';
import { MAX_BODY_BYTES } from '../ingest/decode/body.ts';
import type { Written } from '../ingest/formats/decode.ts';
import { type Message, type Profile, unread } from '../ingest/formats/format.ts';
import { formats } from '../ingest/formats/index.ts';
import { type Trial, tryMessage } from '../ingest/formats/trial.ts';
import { systemClock } from '../lib/clock.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { quantities } from '../model/quantity.ts';
import { formatInstant } from '../model/time.ts';
import { configFile } from './backup.ts';
import type { Command } from './command.ts';

const FETCH_MS = 30_000;

const usage = `Usage: atalaia source test FILE|URL… [--format F] [--codec C] [--time-zone ZONE] [--unit FIELD=UNIT]
                           [--quantity FIELD=QUANTITY] [--station THEIRS=OURS] [--interval PT10M] [--topic TOPIC]
                           [--source NAME [--config FILE]] [--json]

Shows what a producer's message would become, field by field, with what is ignored and why. Nothing is stored.
FILE holds one message (for uploads by query: the text behind the ?); URL is asked once. Of a WIS2 notification the data
are read that it carries or links to.

  --format F      one of ${[...formats.keys()].join(', ')};
                  without it the one that gives most readings
  --codec C       how a LoRaWAN device packs its bytes
  --time-zone Z   IANA zone of times that come without one
  --unit A=B      field A is in unit B (may stand more than once)
  --quantity A=B  field A is quantity B, where the format does not know it (may stand more than once)
  --station A=B   their station A is our station B (may stand more than once)
  --interval I    the span that rain and gusts cover, when the message does not say
  --topic T       the topic that the message came under
  --source NAME   format and all of these as the source of the configuration has them: by its name, directory, topic,
                  queue or stream, or its number from 0; the options here come before it
  --config FILE   the configuration (default: atalaia.yaml)
  --json          as JSON

What the format knows and does not read is "left out"; what is "ignored" may have been meant to be read.

Examples:
  atalaia source test ecowitt-post.txt
  atalaia source test 'https://api.open-meteo.com/v1/forecast?latitude=-30&longitude=-51.2&current=temperature_2m,precipitation'
  atalaia source test uplink.json --format lorawan --codec decentlab-atm41

Exit status: 0 every report is good; 1 a message cannot be read or a reading is refused; 2 wrong usage.
`;

/** `atalaia source test`: a producer's message through its format and all checks. */
export const sourceCommand: Command = {
  usage,
  async run(argv, io) {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        format: { type: 'string' },
        codec: { type: 'string' },
        'time-zone': { type: 'string' },
        interval: { type: 'string' },
        topic: { type: 'string' },
        unit: { type: 'string', multiple: true },
        quantity: { type: 'string', multiple: true },
        station: { type: 'string', multiple: true },
        source: { type: 'string' },
        config: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) {
      io.stdout.write(usage);
      return 0;
    }
    const [verb, ...places] = positionals;
    if (verb !== 'test' || places.length === 0)
      throw new AtalaiaError('ATL_USAGE', `Give test and a file or an address.\n\n${usage}`);
    const source = values.source === undefined ? undefined : configured(values.source, values.config);
    const known = source?.written;
    const profile: Profile = {
      ...known?.profile,
      ...defined({
        codec: values.codec,
        timeZone: zone(values['time-zone']),
        interval: values.interval,
        units: pairs('--unit', values.unit),
        quantities: pairs('--quantity', values.quantity),
        stations: pairs('--station', values.station),
      }),
    };
    let isGood = true;
    for (const place of places) {
      const message = await messageOf(place, values.topic);
      const announced = await wis2Data(message.body, source?.allowPrivate === true);
      const trial = tryMessage(
        { ...message, ...announced },
        profile,
        announced?.format ?? values.format ?? known?.format,
      );
      const title = announced ? `${place}: notification of ${announced.dataId}` : place;
      io.stdout.write(values.json ? `${JSON.stringify(trial)}\n` : describe(title, trial));
      isGood &&= trial.refusals.length === 0 && trial.reports.length + trial.forecasts.length > 0;
    }
    return isGood ? 0 : 1;
  },
};

const defined = (profile: Profile): Profile =>
  Object.fromEntries(Object.entries(profile).filter(([, value]) => value !== undefined));

/** What the configuration says of the messages of a source. */
function configured(
  name: string,
  config: string | undefined,
): { readonly written: Written; readonly allowPrivate: boolean } {
  const { sources } = loadConfig(configFile(config), process.env);
  const found = sources.find((source, index) =>
    [
      String(index),
      ...Object.entries(source).flatMap(([key, value]) => (NAMING.has(key) ? [value] : [])),
    ].includes(name),
  );
  if (found && 'format' in found) {
    const written = writtenOrOursOf(found);
    if (written) return { written, allowPrivate: 'allowPrivate' in found && found.allowPrivate };
  }
  throw new AtalaiaError(
    'ATL_USAGE',
    `--source ${name} is no source of the configuration with the format of a producer.`,
  );
}

const NAMING = new Set(['name', 'directory', 'topic', 'queue', 'stream']);

function zone(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    throw new AtalaiaError('ATL_USAGE', `${name} is no known time zone; one such as America/Sao_Paulo is.`);
  }
}

function pairs(
  option: string,
  texts: readonly string[] | undefined,
): ReadonlyMap<string, string> | undefined {
  if (!texts) return undefined;
  return new Map(
    texts.map((text) => {
      const at = text.lastIndexOf('=');
      if (at < 1) throw new AtalaiaError('ATL_USAGE', `${option} ${text} must be of the form A=B.`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

async function messageOf(place: string, topic: string | undefined): Promise<Message> {
  const body = /^https?:\/\//.test(place) ? await fetched(place) : read(place);
  return { body, ...(topic === undefined ? {} : { topic }), receivedAt: systemClock.now() };
}

function read(path: string): Uint8Array {
  try {
    if (statSync(path).size > MAX_BODY_BYTES) throw tooLarge(path);
    return readFileSync(path);
  } catch (cause) {
    if (cause instanceof AtalaiaError) throw cause;
    throw new AtalaiaError('ATL_INPUT', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

const tooLarge = (place: string): AtalaiaError =>
  new AtalaiaError('ATL_TOO_LARGE', `${place} is over 8 MiB; one message is expected.`);

async function fetched(url: string): Promise<Uint8Array> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS) });
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of answer.body ?? []) {
      size += piece.byteLength;
      if (size > MAX_BODY_BYTES) throw tooLarge(url);
      pieces.push(piece);
    }
    if (!answer.ok && size === 0) throw new Error(`status ${answer.status}`);
    return Buffer.concat(pieces);
  } catch (cause) {
    if (cause instanceof AtalaiaError) throw cause;
    const { message, cause: why } = cause as Error;
    throw new AtalaiaError(
      'ATL_INPUT',
      `${url} does not answer: ${why instanceof Error ? why.message : message}`,
      { cause },
    );
  }
}

function describe(place: string, { format, decoding, reports, refusals, forecasts }: Trial): string {
  const lines = [`${place}: ${format}`];
  for (const [index, raw] of decoding.reports.entries()) {
    const report = reports[index];
    const at = report ? formatInstant(report.observedAt) : String(raw.observedAt);
    lines.push(`  station ${String(raw.station)} at ${at}`);
    for (const [place, name] of (report?.quantities ?? []).entries()) {
      const quantity = quantities.get(name);
      const value = (report?.values[place] as number) / 10 ** (quantity?.decimals ?? 0);
      lines.push(`    ${name.padEnd(20)} ${value} ${quantity?.unit ?? ''}`.trimEnd());
    }
    for (const refusal of refusals.filter((item) => item.index === index))
      lines.push(`    refused${refusal.quantity ? ` ${refusal.quantity}` : ''}: ${refusal.message}`);
  }
  for (const { station, quantity, issuer, validAt } of forecasts)
    lines.push(
      `  forecast of ${quantity} for ${station} by ${issuer}: ${validAt.length} values up to ${formatInstant(validAt.at(-1) as number)}`,
    );
  if (decoding.reports.length + forecasts.length === 0) lines.push('  no report');
  const lost = unread(decoding.ignored);
  for (const { path, why } of lost) lines.push(`  ignored ${path}: ${why}`);
  for (const { path, why, isMeant } of decoding.ignored)
    if (isMeant) lines.push(`  left out ${path}: ${why}`);
  const taken = reports.reduce((sum, report) => sum + (report?.quantities.length ?? 0), 0);
  lines.push(
    `  ${taken} readings taken, ${refusals.length} refused; ${lost.length} fields ignored, ${decoding.ignored.length - lost.length} left out on purpose`,
  );
  return `${lines.join('\n')}\n`;
}
