import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, flags, isBuilt } from './chromium.ts';
import { type MockApi, startMockApi } from './mock-api.ts';

describe.skipIf(!executablePath || !isBuilt)('silences in a browser', () => {
  let browser: Browser;
  let api: MockApi;
  beforeAll(async () => {
    api = await startMockApi();
    browser = await chromium.launch({ ...(executablePath ? { executablePath } : {}), args: flags });
  });
  afterAll(async () => {
    await browser.close();
    await api.stop();
  });

  it('says what a silence would hold, makes it by keyboard alone, and ends one', async () => {
    const page = await browser.newPage({ viewport: { width: 360, height: 820 } });
    const sent: { method: string; path: string; body: unknown }[] = [];
    await page.route('**/api/v1/silences**', async (route) => {
      const request = route.request();
      if (request.method() === 'GET') return route.continue();
      sent.push({
        method: request.method(),
        path: new URL(request.url()).pathname,
        body: request.postDataJSON(),
      });
      return route.fulfill({ status: request.method() === 'POST' ? 201 : 204 });
    });
    await page.goto(`${api.url}/#/silences?lang=en`);
    const text = (): Promise<string | null> => page.textContent('main');
    await expect.poll(text).toContain('M. Duarte: sirenes em manutenção');
    expect(await text()).toContain('Holds reds too');

    await page.getByLabel('Station', { exact: true }).focus();
    await page.keyboard.type('A879');
    await expect.poll(text).toContain('Would hold 0 alerts now');
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowDown');
    await expect.poll(text).toContain('Would hold 1 alert now');
    expect(await page.textContent('.preview')).toContain('Canela');
    for (let i = 0; i < 3; i++) await page.keyboard.press('Tab');
    await page.keyboard.type('siren test');
    await page.keyboard.press('Tab');
    await page.keyboard.type('R. Lima');
    await page.keyboard.press('Enter');
    // Reds are not held by a slip: the browser asks for the tick, and goes there.
    const isMeant = page.getByLabel('I know that it holds red alerts, too');
    await expect.poll(() => isMeant.evaluate((box) => box.matches(':focus'))).toBe(true);
    expect(sent).toEqual([]);
    await page.keyboard.press('Space');
    await page.keyboard.press('Enter');
    await expect.poll(text).toContain('Silence created.');
    expect(sent[0]).toMatchObject({
      method: 'POST',
      body: { matchers: { station: ['A879'], level: 'red' }, reason: 'siren test', author: 'R. Lima' },
    });

    await page.getByRole('button', { name: 'End now' }).click();
    await expect.poll(text).toContain('Silence ended.');
    expect(sent[1]).toMatchObject({ method: 'DELETE', path: '/api/v1/silences/s1' });
    await page.close();
  });
});
