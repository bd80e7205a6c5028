import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, flags, isBuilt } from './chromium.ts';
import { type MockApi, startMockApi } from './mock-api.ts';

const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
const block = (language: string, event: string, more: object = {}): object => ({
  ...{ language, event, severity: 'Extreme', urgency: 'Expected', certainty: 'Likely', level: 'red' },
  ...{ expiresAt: inAnHour, senderName: 'Instituto de Meteorologia', headline: `${event}: 50 mm` },
  ...{ areas: ['Vale do Itajaí', 'Litoral Sul'], ...more },
});
const warning = (id: string, more: object = {}): object => ({
  ...{ id, identifier: id, state: 'active', level: 'red', status: 'Actual', drill: false },
  ...{ sender: 'aviso@met.example.org', source: 'met', faulty: false, clipped: false },
  ...{ sentAt: '2024-04-30T06:00:00Z', expiresAt: inAnHour },
  info: [
    block('pt-BR', 'Chuvas Intensas'),
    block('en-GB', 'Heavy Rain', { web: 'https://met.example.org/1' }),
  ],
  ...more,
});
const minor = warning('minor', {
  level: null,
  sentAt: '2024-04-30T07:00:00Z',
  faulty: true,
  info: [block('pt-BR', 'Névoa <img src=x onerror=alert(1)>', { severity: 'Minor', level: null })],
});
const ended = warning('ended', { state: 'cancelled', info: [block('pt-BR', 'Granizo')] });
const drill = warning('drill', { status: 'Exercise', drill: true, info: [block('pt-BR', 'Tsunami')] });
const feed = {
  missing: 3,
  name: 'met',
  readAt: '2024-04-30T07:10:00Z',
  isDown: false,
  refused: {},
  strangers: [],
};
const down = {
  ...{
    missing: 0,
    name: 'other',
    readAt: null,
    isDown: true,
    refused: { sender: 2 },
    strangers: ['x@example.com'],
  },
};

describe.skipIf(!executablePath || !isBuilt)('warnings of other authorities in a browser', () => {
  let browser: Browser;
  let api: MockApi;
  let page: Page;
  let feeds: object[] = [feed, down];
  let isBroken = false;
  const errors: string[] = [];

  const answer = (url: URL): object => {
    const isAll = url.searchParams.get('state') === 'all';
    const real = [minor, warning('red'), ...(isAll ? [ended] : [])];
    const items = url.searchParams.get('drills') === 'true' ? [drill] : real;
    return { items, next: null, active: 2, feeds };
  };
  const open = async (path: string, width = 1280): Promise<void> => {
    page = await browser.newPage({ viewport: { width, height: 820 }, locale: 'pt-BR' });
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) errors.push(message.text());
    });
    await page.route('**/api/v1/foreign-alerts**', (route) => {
      const url = new URL(route.request().url());
      if (isBroken) return route.fulfill({ status: 503 });
      const isOne = url.pathname.endsWith('/red');
      const texts = ['Chuva de 50 a 100 mm.', 'Rain of 50 to 100 mm.'].map((description) => ({
        ...{ description, instruction: 'Evite áreas alagadas.' },
      }));
      return route.fulfill({ json: isOne ? { info: texts } : answer(url) });
    });
    await page.goto(`${api.url}/${path}`);
  };
  const text = (): Promise<string | null> => page.textContent('main');
  const axe = async (): Promise<unknown> => {
    await page.evaluate(
      await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
    );
    return page.evaluate(
      "axe.run().then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => [id, nodes[0]?.html]))",
    );
  };

  beforeAll(async () => {
    api = await startMockApi();
    browser = await chromium.launch({ ...(executablePath ? { executablePath } : {}), args: flags });
  });
  afterEach(async () => {
    await page.close();
    feeds = [feed, down];
    isBroken = false;
    expect(errors.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    await api.stop();
  });

  it('names the issuer and its words, with our mark only where there is a level', async () => {
    await open('#/foreign');
    await expect.poll(text).toContain('Em vigor: 2');
    const rows = await page.locator('main ul').first().locator('li').allTextContents();
    // The highest first, although the other one is newer.
    expect(rows[0]).toMatch(/Instituto de Meteorologia.*aviso@met\.example\.org.*Chuvas Intensas/s);
    expect(rows[0]).toContain('Extreme / Expected / Likely');
    expect(rows[1]).toContain('Névoa <img src=x onerror=alert(1)>');
    expect(rows[1]).toContain('Minor / Expected / Likely');
    expect(rows[1]).toContain('defeito de formato');
    expect(await page.locator('main li .sev').count()).toBe(1);
    expect(await text()).toContain('Não são alertas deste serviço');
    expect(await page.getByRole('alert').allTextContents()).toEqual([
      'A fonte other ainda não pôde ser lida: faltam avisos aqui.',
    ]);
    expect(await text()).toContain('Fonte met: 3 mensagens não puderam ser obtidas');
    expect(await text()).toContain('emissor fora da lista: x@example.com');
    expect(await text()).not.toContain('Tsunami');
    await page.getByText('Texto do aviso').first().click();
    await expect.poll(text).toContain('Chuva de 50 a 100 mm.');
  });

  it('shows drills by themselves, marked on the page and on every row', async () => {
    await open('#/foreign');
    await page.getByRole('link', { name: 'Simulados e testes' }).click();
    await expect.poll(text).toContain('Tsunami');
    expect(await page.textContent('h1')).toBe('Simulados e testes de outros emissores');
    expect(await text()).toContain('Nada aqui é real');
    expect(await page.locator('main li').first().textContent()).toContain('SIMULADO');
    expect(await text()).not.toContain('Chuvas Intensas');
  });

  it('speaks the language of the reader, and shows what is over when asked', async () => {
    await open('#/foreign?lang=en');
    await expect.poll(text).toContain('Heavy Rain');
    expect(await page.locator('h3').first().getAttribute('lang')).toBe('en-GB');
    expect(await text()).not.toContain('Granizo');
    await page.getByRole('link', { name: 'Show what is over, too' }).click();
    await expect.poll(text).toContain('Granizo');
    expect(await text()).toContain('cancelled');
  });

  it('says that it could not be read, and not that there is nothing', async () => {
    isBroken = true;
    await open('#/foreign');
    await expect.poll(text).toContain('não puderam ser lidos');
    expect(await text()).not.toContain('Nenhum aviso');
  });

  it('has its number on the public page, where a feed is configured', async () => {
    await open('');
    const link = page.getByRole('link', { name: 'Outros emissores: 2 avisos em vigor' });
    await link.waitFor();
    expect(await text()).toContain('A fonte other ainda não pôde ser lida');
    await link.click();
    await expect.poll(text).toContain('Em vigor: 2');
    await page.close();
    feeds = [];
    await open('');
    await page.locator('.card').first().waitFor();
    expect(await text()).not.toContain('Outros emissores');
  });

  it.each(['#/foreign', '#/foreign?drills=1', '#/foreign?all=1&theme=dark', ''])(
    '%s: axe finds nothing serious, and 320 px are wide enough',
    async (path) => {
      await open(path, 320);
      await page
        .getByText(path === '' ? 'Outros emissores: 2' : 'Em vigor:')
        .first()
        .waitFor();
      expect(await axe()).toEqual([]);
      const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect(overflow).toBeLessThanOrEqual(0);
    },
  );
});
