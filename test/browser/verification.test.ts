import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, flags, isBuilt } from './chromium.ts';
import { canelaAlert, type MockApi, startMockApi } from './mock-api.ts';

const scores = (hits: number, misses: number, falseAlarms: number): object => ({
  ...{ n: hits + misses + falseAlarms, hits, misses, falseAlarms, unjudged: 2 },
  ...{
    pod: hits / (hits + misses),
    podInterval: [0.3, 0.9],
    far: 0.25,
    farInterval: null,
    csi: 0.5,
    bias: 1,
  },
  lead: { median: 1.5 },
  rolling: [0.4, 0.6, 0.7].map((pod, i) => ({
    ...{ to: `2024-0${i + 2}-01T00:00:00Z`, n: 4, pod, far: i === 1 ? null : 0.3, csi: pod / 2 },
  })),
});
const answer = {
  ...{ from: '2023-05-01T00:00:00Z', to: '2024-04-30T07:12:00Z', alerts: 14, events: 1, missedCount: 1 },
  rows: [
    { rule: 'chuva-intensa', level: 'yellow', ...scores(6, 2, 2) },
    { rule: 'chuva-intensa', level: 'red', ...scores(1, 1, 0) },
  ],
  missed: [
    {
      ...{ id: 'e1', hazard: 'landslide', latitude: -29.4, longitude: -50.9, from: '2024-04-30T03:00:00Z' },
      ...{ to: '2024-04-30T04:00:00Z', note: '<img src=x onerror=alert(1)>', source: 'Defesa Civil' },
      seen: [
        {
          ...{ station: 'A879', name: 'Canela', km: 6.3 },
          values: [{ quantity: 'rainfall', unit: 'mm', worstHour: 31.5, total: 70.2 }],
        },
      ],
    },
  ],
};

describe.skipIf(!executablePath || !isBuilt)('verification in a browser', () => {
  let browser: Browser;
  let api: MockApi;
  let page: Page;
  const errors: string[] = [];
  const asked: URL[] = [];
  const told: unknown[] = [];

  const open = async (path: string, width = 1280): Promise<void> => {
    page = await browser.newPage({ viewport: { width, height: 820 }, locale: 'pt-BR' });
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) errors.push(message.text());
    });
    await page.route('**/api/v1/verification?*', (route) => {
      asked.push(new URL(route.request().url()));
      return route.fulfill({ json: answer });
    });
    await page.route('**/feedback', (route) => {
      told.push(route.request().postDataJSON());
      return route.fulfill({ status: 201, json: {} });
    });
    await page.goto(`${api.url}/#${path}`);
  };
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
    browser = await chromium.launch({
      ...(executablePath ? { executablePath } : {}),
      args: flags,
      timeout: 60_000,
    });
  });
  afterEach(async () => {
    expect(errors).toEqual([]);
    asked.length = told.length = 0;
    await page.close();
  });
  afterAll(async () => {
    await browser.close();
    await api.stop();
  });

  it.each(['/verification', '/verification?lang=en&theme=dark&by=area'])(
    '%s: axe finds nothing serious',
    async (path) => {
      await open(path);
      await page.waitForSelector('#missed');
      expect(await axe()).toEqual([]);
    },
  );

  it('fits into 360 px without scrolling sideways', async () => {
    await open('/verification', 360);
    await page.waitForSelector('#missed');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  });

  it('shows each rule with n, and what the stations saw of what was missed; a note is text', async () => {
    await open('/verification');
    await page.waitForSelector('#missed');
    const row = page.locator('section[aria-labelledby="scores"] tbody tr').first();
    // The title comes with the rules, which are read beside the scores.
    await expect.poll(() => row.textContent()).toContain('Chuvas intensas');
    expect((await row.textContent())?.replace(/\s+/g, ' ')).toMatch(
      /Chuvas intensas ?10 ?6 ?2 ?2 ?0,75 \(0,30–0,90\) ?0,25 ?0,50 ?1,00 ?1,5 h ?2/,
    );
    const missed = await page.textContent('section[aria-labelledby="missed"]');
    expect(missed).toContain('Deslizamento de terra, -29.4; -50.9');
    expect(missed).toContain('<img src=x onerror=alert(1)>');
    expect(missed).toContain('Canela, 6,3 km: Chuva: pior hora 31,5 mm, soma 70,2 mm');
    await page.locator('select').first().selectOption('level');
    await expect.poll(() => asked.at(-1)?.searchParams.get('by')).toBe('level');
    expect(asked.at(-1)?.searchParams.get('to')).toBe('2024-04-30T07:12:00Z');
  });

  it('takes an event that happened, its times in the zone of the place, and reads the scores anew', async () => {
    const entered: unknown[] = [];
    await open('/verification');
    await page.route('**/api/v1/events-observed', (route) => {
      entered.push(route.request().postDataJSON());
      return route.fulfill({
        status: entered.length === 1 ? 422 : 201,
        json: { detail: '`source`: is empty' },
      });
    });
    await page.locator('summary', { hasText: 'Registrar um evento' }).click();
    const form = page.locator('details form');
    await form.getByLabel('O que aconteceu').selectOption('landslide');
    await form.getByLabel('Onde').fill('Canela (A879)');
    await form.getByLabel('Em um raio de (km)').fill('3');
    await form.getByLabel('Começo').fill('2024-04-30T02:30');
    await form.getByLabel('Fim').fill('2024-04-30T03:00');
    await form.getByLabel('Quem informa').fill('Defesa Civil');
    const before = asked.length;
    await form.getByRole('button').click();
    await page.locator('details [role=status]', { hasText: '`source`: is empty' }).waitFor();
    expect(asked.length).toBe(before);
    await form.getByRole('button').click();
    await page.locator('details [role=status]', { hasText: 'Registrado.' }).waitFor();
    expect(entered[1]).toMatchObject({
      ...{ hazard: 'landslide', km: 3, source: 'Defesa Civil', note: '' },
      ...{ from: '2024-04-30T05:30:00Z', to: '2024-04-30T06:00:00Z' },
      latitude: expect.any(Number),
    });
    await expect.poll(() => asked.length).toBe(before + 1);
    expect(await axe()).toEqual([]);
  });

  it('imports a file of events, and names the areas in which they can only be missed', async () => {
    const posted: unknown[] = [];
    await open('/verification');
    await page.route('**/api/v1/events-observed/import', (route) => {
      posted.push([route.request().headers()['content-type'], route.request().postData()]);
      return route.fulfill({ json: { events: 3, added: 2, unknownAreas: ['9999999'] } });
    });
    await page.locator('summary', { hasText: 'Registrar um evento' }).click();
    const file = { name: 'eventos.csv', mimeType: 'text/csv', buffer: Buffer.from('hazard,area\n') };
    await page.getByLabel('Importar CSV').setInputFiles(file);
    const said = page.locator('details [role=status]', { hasText: '2 de 3 eventos são novos' });
    await said.waitFor();
    expect(await said.textContent()).toContain('9999999');
    expect(posted).toEqual([['text/csv', 'hazard,area\n']]);
  });

  it('hands out the table and the list as CSV', async () => {
    await open('/verification');
    await page.waitForSelector('#missed');
    const handed = async (panel: string): Promise<string> => {
      const [file] = await Promise.all([
        page.waitForEvent('download', { timeout: 10_000 }),
        page.locator(`section[aria-labelledby="${panel}"] button`, { hasText: 'CSV' }).click(),
      ]);
      return readFile(await file.path(), 'utf8');
    };
    expect(await handed('scores')).toContain('\nchuva-intensa,,yellow,10,6,2,2,2,0.75,0.25,0.5,1,1.5\n');
    expect(await handed('missed')).toContain(
      ',Defesa Civil,<img src=x onerror=alert(1)>,A879,6.3,rainfall,mm,31.5,70.2\n',
    );
  });

  it('warns of a rule that cries wolf more often than its author allows', async () => {
    await open('/rules/chuva-intensa');
    const over = { rule: 'chuva-intensa', level: 'yellow', falseAlarmsPerYear: 7.25, budget: 3 };
    const row = {
      rule: 'chuva-intensa',
      level: 'yellow',
      judged: true,
      ...scores(3, 1, 7),
      alertsPerYear: 9,
    };
    const times = { from: '2023-01-01T00:00:00Z', to: '2024-01-01T00:00:00Z', foldedTo: null };
    const report = { rows: [{ ...row, alerts: 10, byDay: null }], overBudget: [over] };
    await page.route('**/api/v1/backtests/b1', (route) =>
      route.fulfill({ json: { id: 'b1', state: 'done', ...times, report } }),
    );
    await page.getByRole('button', { name: 'Ensaiar' }).click();
    await page.locator('[role=alert]', { hasText: '7,3 alarmes falsos por ano' }).waitFor();
  });

  it('proposes another number, with its interval, its gain out of sample, and what it would cost', async () => {
    await open('/rules/chuva-intensa?lang=en');
    const asks: unknown[] = [];
    await page.route('**/api/v1/backtests', (route) => {
      asks.push(route.request().postDataJSON());
      return route.continue();
    });
    const skill = { csi: 0.25 };
    const rest = { alertsPerYear: 4.5, falseAlarmsPerYear: 2 };
    const found = {
      ...{ rule: 'chuva-intensa', level: 'red', condition: 'sum(rainfall, 24h) > 100 mm', unit: 'mm' },
      ...{ years: [2021, 2022, 2023], current: { value: 100, skill } },
      proposals: [
        {
          ...{ method: 'percentile', parameter: 99.9, value: 84.2, interval: [70, 95], skill, ...rest },
          outOfSample: { csi: 0.3, gain: 0.05, gainInterval: [-0.01, 0.1] },
        },
        { method: 'best-csi', parameter: null, value: 80, interval: null, skill, ...rest, outOfSample: null },
      ],
      stations: [
        {
          station: 'A879',
          years: 3,
          values: [{ method: 'return-period', parameter: 10, value: 140, interval: null }],
        },
      ],
    };
    const times = { from: '2021-01-01T00:00:00Z', to: '2024-01-01T00:00:00Z', foldedTo: null };
    await page.route('**/api/v1/backtests/b1', (route) =>
      route.fulfill({
        json: { id: 'b1', state: 'done', ...times, report: { rows: [], proposals: [found] } },
      }),
    );
    const panel = page.locator('section[aria-labelledby="backtest"]');
    await panel.locator('select').selectOption('red#2');
    await panel.getByLabel('Propose another value').check();
    await panel.getByRole('button', { name: 'Run' }).click();
    await panel.locator('th', { hasText: '99.9 % of days stay below' }).waitFor();
    expect(asks).toMatchObject([{ proposals: ['chuva-intensa/red#2'] }]);
    const text = (await panel.textContent())?.replace(/\s+/g, ' ');
    for (const said of ['84.2 mm', '70–95', '0.05', '-0.01 to 0.10', 'best CSI', '3 years of 1 station'])
      expect(text).toContain(said);
    await panel.locator('summary').click();
    expect(await panel.locator('li').textContent()).toBe('Canela: once in 10 years 140 mm');
    expect(await axe()).toEqual([]);
  });

  it('an alert asks whether it was real, and leads to its report', async () => {
    await open(`/alerts/${canelaAlert}`);
    await page.waitForSelector('#feedback');
    await page.fill('section[aria-labelledby="feedback"] input', 'só garoa');
    await page.getByRole('button', { name: 'Não aconteceu' }).click();
    await page.locator('[role=status]', { hasText: 'conta na verificação' }).waitFor();
    await page.getByRole('button', { name: 'Sim, aconteceu' }).click();
    await expect.poll(() => told.length).toBe(2);
    expect(told).toEqual([
      { wasReal: 'no', note: 'só garoa' },
      { wasReal: 'yes', note: '' },
    ]);
    expect(await page.getByRole('link', { name: 'Relatório em PDF' }).getAttribute('href')).toBe(
      `/api/v1/alerts/${canelaAlert}/report.pdf?language=pt-BR`,
    );
  });
});
