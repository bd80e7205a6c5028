import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../web/', import.meta.url));
const skipped = new Set(['dist', 'node_modules']);

/** Newest modification time (epoch ms) of the files under `folder`; 0 when it has none. */
async function newest(folder: string): Promise<number> {
  let latest = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (skipped.has(entry.name)) continue;
    const path = join(folder, entry.name);
    const time = entry.isDirectory() ? await newest(path) : (await stat(path)).mtimeMs;
    if (time > latest) latest = time;
  }
  return latest;
}

const built = await stat(join(root, 'dist/index.html')).then(
  (entry) => entry.mtimeMs,
  () => 0,
);
// The dashboard shows the labels of the quantity table, so the model counts as its source too.
const sources = Math.max(
  await newest(root),
  await newest(fileURLToPath(new URL('../src/model/', import.meta.url))),
);
if (built > sources) console.log('Dashboard: web/dist is up to date.');
else {
  const startedAt = performance.now();
  await build({ configFile: join(root, 'vite.config.ts'), logLevel: 'warn' });
  console.log(`Dashboard: built web/dist in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
}
