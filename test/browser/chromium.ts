import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The Chromium of this machine, if it has one. */
export const executablePath = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => existsSync(path));
/** Whether there are pages to open in it. */
export const isBuilt = existsSync(fileURLToPath(new URL('../../web/dist/index.html', import.meta.url)));
if (!executablePath)
  console.warn('The pages are not tested: no Chromium under /usr/bin (Debian: apt-get install chromium).');
else if (!isBuilt)
  console.warn('The pages are not tested: web/dist is missing; run `node scripts/web-build.ts` first.');

export const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
