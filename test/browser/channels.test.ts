import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, flags, isBuilt } from './chromium.ts';
import { canelaAlert, type MockApi, startMockApi } from './mock-api.ts';
import { type Asked, mockChannels } from './mock-channels.ts';

describe.skipIf(!executablePath || !isBuilt)('channels and subscriptions in a browser', () => {
  let browser: Browser;
  let api: MockApi;
  let page: Page;
  let asked: readonly Asked[];
  const errors: string[] = [];

  const open = async (path: string, width = 1280): Promise<void> => {
    page = await browser.newPage({ viewport: { width, height: 820 } });
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) errors.push(message.text());
    });
    asked = await mockChannels(page);
    await page.goto(`${api.url}/#${path}`);
    await page.waitForSelector('#who');
    await expect.poll(text).toContain('4306932');
  };
  const text = (): Promise<string | null> => page.textContent('main');

  beforeAll(async () => {
    api = await startMockApi();
    browser = await chromium.launch({ ...(executablePath ? { executablePath } : {}), args: flags });
  });
  afterEach(async () => {
    expect(errors).toEqual([]);
    await page.close();
  });
  afterAll(async () => {
    await browser.close();
    await api.stop();
  });

  it.each(['/channels', '/channels?lang=en&theme=dark'])('%s: axe finds nothing serious', async (path) => {
    await open(path);
    await page.evaluate(
      await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
    );
    const found = await page.evaluate(
      "axe.run().then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => [id, nodes[0]?.html]))",
    );
    expect(found).toEqual([]);
  });

  it('fits into 360 px, says how channels fare, and a reason is text', async () => {
    await open('/channels', 360);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    const all = await text();
    expect(all).toContain('em pausa por falhas');
    expect(all).toContain('envio retido abaixo de vermelho');
    expect(all).toContain('<b>HTTP 503</b>');
    expect(all).toContain(
      'todas as áreas; a partir de amarelo; chuvas intensas; silêncio das 22:00 às 06:30',
    );
  });

  it('is reached by g c; a test is sent by keyboard alone and answers in place', async () => {
    page = await browser.newPage();
    asked = await mockChannels(page);
    await page.goto(`${api.url}/#/duty?lang=en`);
    await page.waitForSelector('h1, h2');
    await page.keyboard.press('g');
    await page.keyboard.press('c');
    await page.waitForSelector('#who');
    await page.getByLabel('Receiver of the test of ops').focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(text).toContain('Test delivered in 12 ms.');
    await page.getByLabel('Receiver of the test of sms').selectOption('Ana');
    await page.getByRole('button', { name: 'Send test: sms' }).click();
    await expect.poll(text).toContain('The test failed now: HTTP 503');
    expect(asked).toEqual([
      { method: 'POST', path: '/channels/ops/test', body: {} },
      { method: 'POST', path: '/channels/sms/test', body: { subscription: 'api-1' } },
    ]);
  });

  it('sends dead letters again, one and all', async () => {
    await open('/channels?lang=en');
    await page.getByRole('button', { name: 'Send again: Ana, a1' }).click();
    await expect.poll(text).toContain('1 is sent again.');
    await expect.poll(text).toContain('Deliveries that failed (1)');
    await page.getByRole('button', { name: 'Send all of sms again' }).click();
    await expect.poll(text).toContain('Deliveries that failed (0)');
    expect(asked.map(({ path }) => path)).toEqual(['/deliveries/a1.1.api-1/replay', '/channels/sms/replay']);
  });

  it('adds a subscription as typed, and removes one when it is said twice', async () => {
    await open('/channels?lang=en');
    const form = page.getByRole('form', { name: 'New subscription' });
    await form.getByLabel('Name').fill('Escola');
    await form.getByLabel('Channel').selectOption('ops');
    await form.getByLabel('From level').selectOption('orange');
    await form.getByLabel('Latitude, degrees').fill('-29.36');
    await form.getByLabel('Longitude, degrees').fill('-50.83');
    await form.getByLabel('Heavy rain').check();
    await form.getByLabel('Quiet from').fill('22:00');
    await form.getByLabel('Quiet until').fill('06:00');
    await form.getByLabel('Group alerts').selectOption('area');
    await form.getByLabel('Group alerts').press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(text).toContain('Subscription created.');
    expect(asked[0]?.body).toEqual({
      ...{ name: 'Escola', channel: 'ops', level: 'orange', hazards: ['rain'] },
      places: [{ latitude: -29.36, longitude: -50.83, km: 10 }],
      quiet: { from: '22:00', to: '06:00', timeZone: 'America/Sao_Paulo' },
      group: { by: 'area', wait: '300s' },
    });
    await page.getByRole('button', { name: 'Remove: Ana' }).click();
    expect(asked).toHaveLength(1);
    await page.getByRole('button', { name: 'Really remove: Ana' }).click();
    await expect.poll(text).toContain('Subscription removed.');
    expect(asked[1]).toMatchObject({ method: 'DELETE', path: '/subscriptions/api-1' });
  });

  it('asks who would be told, and why the others would not', async () => {
    await open('/channels?lang=en');
    const form = page.getByRole('form', { name: 'Who would receive' });
    await form.getByLabel('Where').selectOption('point');
    await form.getByLabel('Latitude, degrees').fill('-29.36');
    await form.getByLabel('Longitude, degrees').fill('-50.83');
    await form.getByRole('button', { name: 'Ask' }).click();
    await expect.poll(text).toContain('wants a higher level; another area');
    expect(await page.textContent('.answer')).toMatch(/1 would be told\s*Plantão/);
    expect(asked[0]?.body).toEqual({
      ...{ point: { latitude: -29.36, longitude: -50.83 }, hazard: 'rain', level: 'red' },
    });
  });

  it('an alert shows of each delivery who, its state, attempts and why', async () => {
    page = await browser.newPage();
    await page.route(`**/api/v1/alerts/${canelaAlert}`, async (route) => {
      const answer = await route.fetch();
      const own = { channel: 'sms', at: '2024-04-30T07:03:00Z' };
      const ana = {
        ...own,
        state: 'dead',
        attempts: 20,
        subscription: { name: 'Ana' },
        lastError: 'HTTP 503',
      };
      const rui = { ...own, state: 'delivered', attempts: 1, subscription: { name: 'Rui' } };
      return route.fulfill({ json: { ...(await answer.json()), deliveries: [ana, rui] } });
    });
    await page.goto(`${api.url}/#/alerts/${canelaAlert}?lang=en`);
    await page.waitForSelector('#timeline');
    const rows = page.locator('section[aria-labelledby="timeline"] .row');
    await expect.poll(() => rows.count()).toBe(2);
    const words = (await rows.allTextContents()).map((one) => one.replace(/\s+/g, ' ').trim());
    expect(words[0]).toMatch(/^Ana, sms ! failed HTTP 503 ?20 attempts, 04:03:00$/);
    expect(words[1]).toMatch(/^Rui, sms ?04:03:00$/);
  });
});
