import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { checkProfile, type ProfileName, profileNames } from '../alerts/cap/read/profiles.ts';
import type { CapReader } from '../alerts/cap/read/reader.ts';
import { oneLine, orderFindings, verdictOf } from '../alerts/cap/read/verdict.ts';
import { verifyCap } from '../alerts/cap/read/verify.ts';
import { AtalaiaError } from '../lib/errors.ts';
import { readBounded } from './cap-file.ts';
import type { CommandIo } from './command.ts';

/** What must not come to the parser again. */
const unreadable: ReadonlySet<string> = new Set(['reject-malformed', 'reject-security', 'reject-schema']);

/** Writes a line per file. 1 when one is rejected or cannot be read; wrong options throw ATL_USAGE or ATL_INPUT. */
export function checkFiles(
  reader: CapReader,
  paths: readonly string[],
  options: Options,
  io: CommandIo,
): number {
  const choice = choiceOf(options);
  let bad = 0;
  for (const path of paths) if (!checkFile(reader, path, choice, io)) bad++;
  return bad > 0 ? 1 : 0;
}

interface Options {
  readonly profile?: string;
  readonly verify: boolean;
  readonly trust?: string;
}

interface Choice {
  readonly profile?: ProfileName;
  readonly verify: boolean;
  readonly trust?: X509Certificate;
}

function choiceOf(values: Options): Choice {
  const profile = profileNames.find((name) => name === values.profile);
  if (values.profile !== undefined && profile === undefined)
    throw new AtalaiaError(
      'ATL_USAGE',
      `--profile ${values.profile} must be one of ${profileNames.join(', ')}.`,
    );
  if (values.trust !== undefined && !values.verify)
    throw new AtalaiaError('ATL_USAGE', '--trust says nothing without --verify.');
  return {
    verify: values.verify,
    ...(profile === undefined ? {} : { profile }),
    ...(values.trust === undefined ? {} : { trust: readCertificate(values.trust) }),
  };
}

function readCertificate(file: string): X509Certificate {
  try {
    return new X509Certificate(readFileSync(file));
  } catch (cause) {
    throw new AtalaiaError('ATL_INPUT', `--trust ${file} is no certificate. Name a PEM file.`, { cause });
  }
}

/** Writes the line of a file; false when it is rejected or cannot be read. */
function checkFile(reader: CapReader, path: string, choice: Choice, io: CommandIo): boolean {
  let bytes: Uint8Array;
  try {
    bytes = readBounded(path);
  } catch (error) {
    io.stderr.write(`atalaia cap check: ${oneLine(path)} cannot be read: ${(error as Error).message}\n`);
    return false;
  }
  const reading = reader.read(bytes);
  const { profile } = choice;
  const asked = profile === undefined ? [] : reading.alerts.flatMap((alert) => checkProfile(alert, profile));
  const findings = orderFindings([...reading.findings, ...asked]);
  const verdict = verdictOf(findings);
  const reasons = findings.map(({ clause, reason }) => `${clause}: ${oneLine(reason)}`).join('; ');
  const line = `${verdict}\t${oneLine(path)}\t${reasons}`;
  if (!choice.verify) {
    io.stdout.write(`${line}\n`);
    return verdict.startsWith('accept');
  }
  const isReadable = !unreadable.has(verdict);
  const nothing = { served: 'not checked', stripped: 'not checked', holds: false };
  const { served, stripped, holds } = isReadable ? verifyCap(bytes, choice.trust) : nothing;
  io.stdout.write(`${line}\tas served: ${served}\tWMO, blanks stripped: ${stripped}\n`);
  return verdict.startsWith('accept') && holds;
}
