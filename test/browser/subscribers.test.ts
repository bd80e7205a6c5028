import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, flags, isBuilt } from './chromium.ts';
import { type MockApi, startMockApi } from './mock-api.ts';
import { mockSubscribers, type Sent } from './mock-subscribers.ts';

describe.skipIf(!executablePath || !isBuilt)('subscribers in a browser', () => {
  let browser: Browser;
  let api: MockApi;
  let page: Page;
  let sent: Sent[] = [];
  const text = (): Promise<string | null> => page.textContent('main');

  beforeAll(async () => {
    api = await startMockApi();
    browser = await chromium.launch({ ...(executablePath ? { executablePath } : {}), args: flags });
  });
  afterEach(() => page.close());
  afterAll(async () => {
    await browser.close();
    await api.stop();
  });
  const open = async (path: string, options: Parameters<Browser['newPage']>[0] = {}): Promise<void> => {
    page = await browser.newPage({ viewport: { width: 360, height: 820 }, ...options });
    sent = [];
    await mockSubscribers(page, sent);
    await page.goto(`${api.url}/#${path}`);
  };

  it.each([
    '/subscribe',
    '/subscribe?lang=en&theme=dark',
    '/subscribe/manage',
    '/subscribe/manage?token=abc',
    '/subscribe/confirm?token=abc',
  ])('%s: axe finds nothing serious, and it fits into 360 px', async (path) => {
    await open(path);
    await expect.poll(() => page.locator('main button').count()).toBeGreaterThan(0);
    await page.evaluate(
      await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
    );
    const found: { impact: string }[] = await page.evaluate(
      'axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, html: nodes[0]?.html })))',
    );
    expect(found.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  });

  it('asks by keyboard alone for a station, with quiet hours, from the public page on', async () => {
    await open('/?lang=en');
    await page.getByRole('link', { name: 'Get alerts' }).press('Enter');
    await expect.poll(text).toContain('Red alerts always come.');
    await page.getByLabel('E-mail address').focus();
    await page.keyboard.type('ana@example.org');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.type('Canela');
    await page.getByLabel('From level').selectOption('orange');
    await page.getByLabel('Heavy rain').press('Space');
    await page.getByLabel('Do not disturb at night').press('Space');
    await page.getByLabel('From', { exact: true }).fill('23:00');
    // Without the tick of the consent nothing is sent.
    await page.getByRole('button', { name: 'Ask for alerts' }).press('Enter');
    expect(sent).toEqual([]);
    await page.getByLabel('I agree').press('Space');
    await page.getByRole('button', { name: 'Ask for alerts' }).press('Enter');
    await expect.poll(text).toContain('alerts begin when you confirm');
    expect(sent).toEqual([
      {
        path: '',
        body: {
          ...{ channel: 'mail', address: 'ana@example.org', level: 'orange', areas: ['A879'], consent: true },
          ...{ hazards: ['rain'], languages: ['en'] },
          quiet: { from: '23:00', to: '06:30', timeZone: 'America/Sao_Paulo' },
        },
      },
    ]);
  });

  it('takes a circle about the position, coarse enough to hide the house', async () => {
    await open('/subscribe', {
      geolocation: { latitude: -29.123456, longitude: -50.98765 },
      permissions: ['geolocation'],
    });
    await page.getByLabel('Receber por').selectOption('torpedo');
    await page.getByLabel('Telefone com +55 e DDD').fill('+5551999998888');
    await page.getByLabel('Em volta de onde estou').check();
    await page.getByLabel('Concordo').check();
    await page.getByRole('button', { name: 'Pedir alertas' }).click();
    await expect.poll(text).toContain('A posição não está disponível');
    await page.getByRole('button', { name: 'Usar a minha posição' }).click();
    await expect.poll(text).toContain('Posição: -29.123, -50.988');
    await page.getByRole('button', { name: 'Pedir alertas' }).click();
    await expect.poll(text).toContain('Pedido recebido');
    expect(sent).toMatchObject([
      { body: { channel: 'torpedo', places: [{ latitude: -29.123, longitude: -50.988, km: 20 }] } },
    ]);
  });

  it('confirms by a click, not by being opened; a link that is over says so', async () => {
    await open('/subscribe/confirm?token=abc&lang=en');
    const button = page.getByRole('button', { name: 'Confirm the alerts' });
    await button.waitFor();
    expect(sent).toEqual([]);
    await button.press('Enter');
    await expect.poll(text).toContain('Confirmed. Alerts come from now on');
    expect(sent).toEqual([{ path: '/confirm', body: { token: 'abc' } }]);
    await page.close();
    await open('/subscribe/confirm?token=over&lang=en');
    await page.getByRole('button', { name: 'Confirm the alerts' }).press('Enter');
    await expect.poll(text).toContain('This link is no longer valid');
  });

  it('leaves, downloads and erases', async () => {
    await open('/subscribe/manage?token=abc&lang=en');
    await page.getByRole('button', { name: 'Unsubscribe' }).press('Enter');
    await expect.poll(text).toContain('Nothing more will be sent');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download all that we keep' }).press('Enter');
    expect(await readFile((await (await download).path()) ?? '', 'utf8')).toContain('ana@example.org');
    await page.getByLabel('I understand').press('Space');
    await page.getByRole('button', { name: 'Erase everything' }).press('Enter');
    await expect.poll(text).toContain('taken out of 3 deliveries. 1 that the office made stay');
    expect(sent.map(({ path }) => path)).toEqual(['/unsubscribe?token=abc', '/export', '/erase']);
  });
});
