import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { canelaAlert, type MockApi, startMockApi } from './mock-api.ts';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => existsSync(path),
);
const isBuilt = existsSync(fileURLToPath(new URL('../../web/dist/index.html', import.meta.url)));
if (!executablePath)
  console.warn('The pages are not tested: no Chromium under /usr/bin (Debian: apt-get install chromium).');
else if (!isBuilt)
  console.warn('The pages are not tested: web/dist is missing; run `node scripts/web-build.ts` first.');

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const pages = {
  alerts: '/',
  'alerts, dark': '/?theme=dark',
  evidence: `/alerts/${canelaAlert}`,
  'evidence, light': `/alerts/${canelaAlert}?theme=light`,
  stations: '/stations',
  'a station': '/stations/A879',
  'a silent station': '/stations/A878?range=10&lang=en',
  'no such page': '/nowhere',
};

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly html: string;
}

describe.skipIf(!executablePath || !isBuilt)('pages in a browser', () => {
  let browser: Browser;
  let api: MockApi;
  let page: Page;
  const errors: string[] = [];

  /** Waits for an expression in the page; by evaluation, since the page's policy forbids `eval`. */
  const until = (expression: string): Promise<void> =>
    expect.poll(() => page.evaluate(expression), { timeout: 15_000 }).toBe(true);

  const open = async (path: string, width = 1280): Promise<void> => {
    page = await browser.newPage({
      viewport: { width, height: 820 },
      timezoneId: 'America/Manaus',
      locale: 'pt-BR',
    });
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) errors.push(message.text());
    });
    await page.goto(`${api.url}/#${path}`);
    await until(
      String.raw`/\d/.test(document.querySelector('.foot')?.textContent ?? '') && !/Carregando|Loading/.test(document.querySelector('main')?.textContent ?? '')`,
    );
    // Charts and tables follow with the observations.
    await page.waitForLoadState('networkidle', { timeout: 1500 }).catch(() => undefined);
  };

  beforeAll(async () => {
    api = await startMockApi();
    browser = await chromium.launch({
      ...(executablePath ? { executablePath } : {}),
      args: flags,
      timeout: 60_000,
    });
  });
  afterEach(() => page.close());
  afterAll(async () => {
    await browser.close();
    await api.stop().catch(() => undefined);
  });

  it.each(Object.entries(pages))(
    '%s: axe finds nothing serious, and no error was thrown',
    async (_name, path) => {
      await open(path);
      await page.evaluate(
        await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
      );
      const found: Finding[] = await page.evaluate(
        'axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, html: nodes[0]?.html })))',
      );
      expect(found.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
      expect(errors).toEqual([]);
    },
  );

  it.each(Object.entries(pages))('%s: fits into 360 px without scrolling sideways', async (_name, path) => {
    await open(path, 360);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  });

  it('says the count, the levels and the silent stations', async () => {
    await open('/');
    expect(await page.textContent('h1')).toBe('26 alertas em vigor');
    expect(await page.locator('.card').count()).toBe(5);
    expect(await page.textContent('main')).toContain('Mostardas');
    expect(await page.locator('.env b').allTextContents()).toEqual(['EXERCÍCIO', 'EXERCÍCIO']);
    expect(await page.textContent('.clock')).toMatch(/04:12.*03:12/s);
  });

  it('proves an alert in one line, a chart and a row for each hour', async () => {
    await open(`/alerts/${canelaAlert}`);
    await page.waitForSelector('svg.chart .sum');
    expect((await page.textContent('.formula'))?.replace(/\s+/g, ' ')).toContain(
      'sum(rainfall, 24h) = 120,8 mm > 100 mm',
    );
    expect(await page.locator('.thr').count()).toBe(3);
    expect(await page.locator('section[aria-labelledby="readings"] tbody tr').count()).toBe(24);
    await page.waitForSelector('pre');
    expect(await page.textContent('pre')).toContain('<status>Exercise</status>');
  });

  it('is walked by keyboard alone', async () => {
    await open('/');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement?.className')).toContain('skip');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement?.id')).toBe('main');
    await page.keyboard.press('/');
    expect(await page.evaluate('document.activeElement?.id')).toBe('q');
    await page.keyboard.type('canela');
    expect(await page.locator('.card').count()).toBe(1);
    expect(page.url()).toContain('q=canela');
    await page.keyboard.press('Enter');
    for (const key of ['Tab', 'Tab', 'Tab', 'Tab', 'Enter']) await page.keyboard.press(key);
    await until("location.hash.startsWith('#/alerts/')");
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    await until("location.hash === '#/stations'");
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    await until("location.hash === '#/'");
    await page.keyboard.press('Tab');
    const ring = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
    expect(ring).toBe('solid');
  });

  it('changes language and keeps it, the theme and the page in the address', async () => {
    await open('/stations?theme=dark');
    await page.click('a[hreflang="en"]');
    await until("document.documentElement.lang === 'en'");
    expect(await page.textContent('h1')).toContain('40 of 44 stations');
    await page.click('.top nav a');
    await until("document.querySelector('h1').textContent.includes('26')");
    expect(await page.textContent('h1')).toBe('26 alerts in force');
    expect(page.url()).toMatch(/lang=en&theme=dark$/);
    expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
  });

  it('says when the connection is lost, and of what time the data is', async () => {
    await open('/');
    await api.stop();
    await page.waitForSelector('.lost', { timeout: 20_000 });
    expect(await page.textContent('.lost')).toContain('Conexão perdida. Os dados desta página são de 04:12.');
    expect(await page.textContent('h1')).toBe('26 alertas em vigor');
  });
});
