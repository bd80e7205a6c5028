import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, flags, isBuilt } from './chromium.ts';
import { backtests, canelaAlert, instruction, type MockApi, signedIn, startMockApi } from './mock-api.ts';

const pages = {
  alerts: '/',
  'alerts, dark': '/?theme=dark',
  evidence: `/alerts/${canelaAlert}`,
  'evidence, light': `/alerts/${canelaAlert}?theme=light`,
  duty: '/duty',
  'duty, light': '/duty?theme=light',
  'raise by hand': '/raise',
  silences: '/silences',
  stations: '/stations',
  'a station': '/stations/A879',
  'a silent station': '/stations/A878?range=10&lang=en',
  rules: '/rules',
  'a rule': '/rules/chuva-intensa',
  statistics: '/statistics/A879?year=2024',
  'statistics, dark': '/statistics/A879?theme=dark&lang=en&year=2019',
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

  it('draws the statistics of a station, and hands out figures and drawings', async () => {
    await open('/statistics/A879?year=2024');
    await page.waitForSelector('#months');
    await page.waitForSelector('#course');
    expect(await page.locator('h2').allTextContents()).toEqual([
      'Chuva: acumulado do ano',
      'Chuva: máximo anual de 24\u00a0h, nível de retorno',
      'Quando chove',
      'Completude',
      'De onde venta',
      'Mês a mês em 2024',
    ]);
    expect(await page.textContent('main')).toContain('O pior mês é mar 2016');
    expect(await page.locator('section[aria-labelledby="cycle"] rect.cell').count()).toBe(288);
    const handed = async (panel: string, button: string): Promise<Buffer> => {
      const [file] = await Promise.all([
        page.waitForEvent('download', { timeout: 10_000 }),
        page.locator(`section[aria-labelledby="${panel}"] button`, { hasText: button }).click(),
      ]);
      expect(file.suggestedFilename()).toBe(
        `A879${panel === 'rose' ? '' : '-rainfall'}-${panel}.${button.toLowerCase()}`,
      );
      return readFile(await file.path());
    };
    const csv = (await handed('course', 'CSV')).toString();
    expect(csv.split('\n')).toHaveLength(368);
    expect(csv).toMatch(/^day,value,least,p10,median,p90,greatest\n1,/);
    const svg = (await handed('return', 'SVG')).toString();
    expect(svg).toMatch(/^<svg[^>]* xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg).not.toContain('var(--');
    const png = await handed('rose', 'PNG');
    expect([...png.subarray(1, 4)]).toEqual([...Buffer.from('PNG')]);
    expect(png.length).toBeGreaterThan(5000);
    expect(errors).toEqual([]);
  });

  it('tries another threshold of a rule on what the archive holds', async () => {
    await open('/rules');
    await page.getByRole('link', { name: 'Chuvas intensas' }).click();
    await page.waitForSelector('#backtest');
    const panel = page.locator('section[aria-labelledby="backtest"]');
    await panel.locator('select').selectOption('red#2');
    expect(
      await panel
        .locator('input[type=number]')
        .evaluateAll((all) => all.map((one) => (one as unknown as { value: string }).value)),
    ).toEqual(['50', '150', '10']);
    await panel.locator('textarea').fill('chuva-intensa,A879,red,2024-04-30T06:00:00Z,2024-05-02T00:00:00Z');
    await panel.getByRole('button', { name: 'Ensaiar' }).click();
    await panel.locator('progress').waitFor();
    await panel.locator('svg[role=img]').first().waitFor();
    expect(backtests).toMatchObject([
      {
        sweeps: ['chuva-intensa/red#2=50..150/10'],
        truth: expect.stringMatching(/^rule,subject,level,from,to\nchuva-intensa,A879,red/),
      },
    ]);
    expect(await panel.locator('tbody tr').count()).toBe(3);
    expect(await panel.textContent()).toContain('CSI máximo 0,45 em 80 mm');
    expect(errors).toEqual([]);
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
    // The address changes before the page does: a key in between would focus what is about to be taken away.
    await page.locator('.card').first().waitFor();
    await page.keyboard.press('Tab');
    const ring = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
    expect(ring).toBe('solid');
  });

  it('edits what waits for approval, and says that who does it cannot approve it', async () => {
    await open('/duty');
    await page.locator('.draft').getByRole('button', { name: 'Editar' }).click();
    const form = page.locator('.draft form');
    await form.waitFor();
    await form.locator('textarea[lang=en]').fill('Leave the banks.');
    await form.getByRole('button', { name: 'Mudar o rascunho' }).click();
    await expect
      .poll(() => api.acts.at(-1))
      .toEqual({
        name: 'edit',
        body: { text: { 'pt-BR': instruction['pt-BR'], en: 'Leave the banks.' } },
      });
  });

  it('lets out what waits for approval in two keys, and one slip publishes nothing', async () => {
    await open('/duty', 360);
    const text = (): Promise<string> =>
      page.evaluate<string>("document.querySelector('.draft')?.textContent ?? ''");
    expect(await text()).toContain('Publica sozinho');
    await page.keyboard.press('p');
    await until("document.activeElement?.textContent.includes('Publicar agora') === true");
    expect(await text()).toContain('EXERCÍCIO: avisar o público, vermelho');
    await page.keyboard.press('Escape');
    await until("!document.querySelector('.draft').textContent.includes('Publicar agora')");
    await page.evaluate('document.activeElement.blur()');
    await page.keyboard.press('p');
    await until("document.activeElement?.textContent.includes('Publicar agora') === true");
    await page.keyboard.press('Enter');
    await until("document.querySelector('.draft') === null");
  });

  it('corrects a false alarm in two clicks, with its text in both languages before the eyes', async () => {
    await open('/duty');
    await page.getByRole('button', { name: 'Alarme falso' }).click();
    const form = page.locator('.side form');
    expect(await form.textContent()).toMatch(/não há perigo.*there is no danger/s);
    await page.getByRole('button', { name: 'Avisar a todos que receberam' }).click();
    await expect
      .poll(() => api.acts.at(-1))
      .toEqual({
        name: 'cancel',
        body: { reason: 'Alarme falso', correction: true },
      });
  });

  it('edits a text in each language, from what stands there, and sends what was changed', async () => {
    await open('/duty');
    await page.getByRole('button', { name: 'Editar' }).last().click();
    const form = page.locator('.side form');
    await form.waitFor();
    const send = form.getByRole('button');
    expect(await send.isDisabled()).toBe(true);
    expect(await form.locator('textarea[lang=en]').inputValue()).toBe(instruction.en);
    await form.locator('textarea[lang=pt-BR]').fill('Saia das margens do rio.');
    await form.locator('input').fill('25');
    await send.click();
    const text = { 'pt-BR': 'Saia das margens do rio.', en: instruction.en };
    await expect
      .poll(() => api.acts.at(-1))
      .toEqual({ name: 'edit', body: { text, area: { radiusKm: 25 } } });
  });

  it('raises an alert that was phoned in by keyboard alone, and asks before it does', async () => {
    await open('/raise');
    await until("document.activeElement?.tagName === 'SELECT'");
    await page.keyboard.press('Tab');
    await page.keyboard.type('Canela (A879)');
    for (let i = 0; i < 6; i++) await page.keyboard.press('Tab');
    await page.keyboard.type('telefonema da usina');
    await page.keyboard.press('Enter');
    await until(
      "document.querySelector('.ask')?.textContent === 'EXERCÍCIO: avisar o público, vermelho, Canela?'",
    );
    expect(api.raised).toEqual([]);
    await page.keyboard.press('Enter');
    await until("location.hash.startsWith('#/alerts/')");
    expect(api.raised).toEqual([
      {
        template: 'rompimento-barragem',
        level: 'red',
        text: { 'pt-BR': 'Saia do vale.', en: 'Leave the valley.' },
        expires: '12h',
        reason: 'telefonema da usina',
        station: 'A879',
        radiusKm: 15,
      },
    ]);
  });

  it('leads the person on duty from the worst alert to the next, by keys and by mouse', async () => {
    await open('/duty');
    await page.waitForSelector('.qi');
    const queue = (): Promise<string[]> => page.locator('.qi .qt b').allTextContents();
    expect(await page.textContent('#needs-you + .cnt')).toBe('7');
    const [first = '', second = ''] = await queue();
    expect(await queue()).toContain('Entrega falhou: rádio comunitária');
    expect(await page.textContent('.held')).toMatch(
      /abaixo de vermelho estão retidos: por M. Duarte, desde .+, até .+\. troca do provedor/,
    );
    expect(await page.textContent('aside h2')).toContain(first);
    await page.keyboard.press('j');
    await until(`document.querySelector('aside h2').textContent.includes(${JSON.stringify(second)})`);
    await page.keyboard.press('a');
    await until("document.querySelector('#needs-you + .cnt').textContent === '6'");
    expect(await queue()).not.toContain(second);
    // The eyes go on to what waits next.
    await until(`!document.querySelector('aside h2').textContent.includes(${JSON.stringify(second)})`);
    await page.click('aside button.pri');
    await until("document.querySelector('#needs-you + .cnt').textContent === '5'");
    await page.locator('aside button', { hasText: 'Cancelar' }).click();
    await page.fill('aside form input', 'pluviômetro entupido');
    await page.click('aside form .pri');
    await until(
      "[...document.querySelectorAll('aside [role=status]')].some((one) => one.textContent.includes('mudou enquanto'))",
    );
    await page.click('#needs-you');
    await page.keyboard.press('Enter');
    await until("location.hash.startsWith('#/alerts/')");
  });

  it('adopts a station that sends unregistered in two clicks and its place', async () => {
    await open('/duty');
    await page.locator('.qi a', { hasText: 'NOVA-1' }).click();
    await page.waitForSelector('aside form');
    expect((await page.textContent('aside'))?.replace(/\s+/g, ' ')).toContain('3,2 mm');
    for (const [label, value] of [
      ['Latitude', '-29.36'],
      ['Longitude', '-50.83'],
    ] as const)
      await page.getByLabel(label).fill(value);
    await page.click('aside form .pri');
    await until("!document.querySelector('.duty').textContent.includes('NOVA-1')");
    expect(api.adopted.get('NOVA-1')).toEqual({
      name: 'NOVA-1',
      latitude: -29.36,
      longitude: -50.83,
      region: 'RS',
      timeZone: 'America/Sao_Paulo',
    });
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

  it('asks for a name only where the server has users, signs in and leaves', async () => {
    await open('/');
    expect(await page.locator('.account').count()).toBe(0);
    await page.close();
    signedIn.user = null;
    try {
      await open('/', 360);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
      await page.click('.account');
      await page.fill('#account-name', 'Ana Souza');
      await page.fill('#account-password', 'vento');
      await page.evaluate(
        await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
      );
      const found: Finding[] = await page.evaluate(
        "axe.run('dialog').then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, html: nodes[0]?.html })))",
      );
      expect(found.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
      await page.keyboard.press('Enter');
      await until("document.querySelector('.problem')?.textContent === 'Nome ou senha não confere.'");
      expect(await page.inputValue('#account-password')).toBe('');
      await page.fill('#account-password', 'chuva');
      await page.keyboard.press('Enter');
      await until("document.querySelector('.whoami')?.textContent === 'AS'");
      expect(await page.locator('dialog').count()).toBe(0);
      expect(await page.getAttribute('.whoami', 'aria-label')).toBe('Ana Souza, plantonista');
      await page.click('.account');
      await until("document.querySelector('.account')?.textContent === 'Entrar'");
    } finally {
      signedIn.user = undefined;
    }
  });

  it('says when the connection is lost, and of what time the data is', async () => {
    await open('/');
    await api.stop();
    await page.waitForSelector('.lost', { timeout: 20_000 });
    expect(await page.textContent('.lost')).toContain('Conexão perdida. Os dados desta página são de 04:12.');
    expect(await page.textContent('h1')).toBe('26 alertas em vigor');
  });
});
