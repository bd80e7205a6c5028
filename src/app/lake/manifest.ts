import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AtalaiaError } from '../../lib/errors.ts';
import type { LakeMedium } from '../../store/lake/lake.ts';

const FILE = /^observations\/year=\d{4,6}\/month=\d\d\/region=[^/]+\/part-0\.parquet$/;
const NAME = 'manifest.json';

const schema = z.object({
  format: z.literal(1),
  server: z.string(),
  writtenAt: z.string(),
  months: z.array(
    z.object({
      month: z.string().regex(/^\d{4,6}-\d\d$/),
      mark: z.string(),
      rows: z.int(),
      files: z.array(
        z.object({
          path: z.string().regex(FILE),
          region: z.string().nullable(),
          rows: z.int(),
          bytes: z.int(),
          sha256: z.string(),
        }),
      ),
    }),
  ),
});

export type LakeManifest = z.infer<typeof schema>;
export type LakeMonth = LakeManifest['months'][number];
export type LakeFile = LakeMonth['files'][number];

/** The month's name in the lake, `2024-04`, UTC. */
export const monthName = (month: number): string => {
  const date = new Date(month);
  return `${String(date.getUTCFullYear()).padStart(4, '0')}-${String(date.getUTCMonth() + 1).padStart(2, '0')}`;
};

/** Hive's form: what is no letter, digit, `_`, `.` or `-` in per cent, no region as its readers know it. */
export function pathOf(month: number, region: string | null): string {
  const [year, number] = monthName(month).split('-');
  const value =
    region === null
      ? '__HIVE_DEFAULT_PARTITION__'
      : encodeURIComponent(region).replace(
          /[!'()*~]/g,
          (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
        );
  return `observations/year=${year}/month=${number}/region=${value}/part-0.parquet`;
}

/**
 * What the lake says of itself; an empty one when there is nothing yet. Rejects with ATL_INPUT when it is no manifest, and
 * with ATL_CONFLICT when another system writes there.
 */
export async function readManifest(
  medium: LakeMedium,
  folder: string,
  server: string,
): Promise<LakeManifest> {
  const file = join(folder, NAME);
  if (!(await medium.get(NAME, file))) return { format: 1, server, writtenAt: '', months: [] };
  let found: LakeManifest;
  try {
    found = schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_INPUT',
      `${medium.nameOf(NAME)} is no manifest of a lake. Name another place, or remove the file: every month that the archive holds is then written anew.`,
      { cause },
    );
  }
  if (found.server === server) return found;
  throw new AtalaiaError(
    'ATL_CONFLICT',
    `The lake ${medium.nameOf('')} is written by the server ${found.server}; this one is ${server} (server.id). Give each its own place.`,
  );
}

/** Puts it in the place of the old one. */
export async function writeManifest(
  medium: LakeMedium,
  folder: string,
  manifest: LakeManifest,
): Promise<void> {
  const file = join(folder, NAME);
  await writeFile(file, `${JSON.stringify(manifest, null, 1)}\n`);
  await medium.put(NAME, file);
}
