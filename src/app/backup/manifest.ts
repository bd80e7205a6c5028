import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { z } from 'zod';
import { AtalaiaError } from '../../lib/errors.ts';

const NAME = 'manifest.json';
const schema = z.object({
  format: z.literal(1),
  /** RFC 3339. */
  createdAt: z.string(),
  /** Whether a server ran meanwhile. */
  whileRunning: z.boolean(),
  files: z
    .array(
      z.object({
        /** With `/`, below the backup; never up. */
        path: z.string().regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$)).+$/),
        bytes: z.int().min(0),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .max(1_000_000),
});
export type Manifest = z.infer<typeof schema>;

/** Files below a folder, with `/`, sorted. */
export async function filesBelow(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/** Writes the list of all files of a backup with their checksums; last, for a backup without it is none. */
export async function writeManifest(
  folder: string,
  facts: Pick<Manifest, 'createdAt' | 'whileRunning'>,
): Promise<Manifest> {
  const files: Manifest['files'] = [];
  for (const path of await filesBelow(folder)) files.push({ path, ...(await sumOf(join(folder, path))) });
  const manifest = { format: 1 as const, ...facts, files };
  await writeFile(join(folder, NAME), `${JSON.stringify(manifest, null, 1)}\n`, { flush: true });
  return manifest;
}

/** The manifest, when every file of it is there as it was written. @throws AtalaiaError ATL_INPUT naming the file */
export async function verifyBackup(folder: string): Promise<Manifest> {
  let manifest: Manifest;
  try {
    manifest = schema.parse(JSON.parse(await readFile(join(folder, NAME), 'utf8')));
  } catch (cause) {
    throw damaged(folder, `its ${NAME} is missing or cannot be read`, cause);
  }
  for (const { path, bytes, sha256 } of manifest.files) {
    const found = await sumOf(join(folder, path)).catch((cause: unknown) => {
      throw damaged(folder, `${path} cannot be read`, cause);
    });
    if (found.bytes !== bytes || found.sha256 !== sha256)
      throw damaged(folder, `${path} is not as it was written`);
  }
  return manifest;
}

const damaged = (folder: string, why: string, cause?: unknown): AtalaiaError =>
  new AtalaiaError(
    'ATL_INPUT',
    `${folder} is no whole backup: ${why}. Take another one; nothing was restored.`,
    {
      cause,
    },
  );

async function sumOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(piece as Buffer);
    bytes += (piece as Buffer).length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
