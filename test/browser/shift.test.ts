import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, flags, isBuilt } from './chromium.ts';
import { type MockApi, startMockApi } from './mock-api.ts';

const note = { id: 'note-1', author: 'Rui', at: '2024-04-30T06:00:00Z', text: 'Ponte vigiada.', alerts: [] };
const hourMs = 3_600_000;

describe.skipIf(!executablePath || !isBuilt)('from one shift to the next', () => {
  let browser: Browser;
  let api: MockApi;
  let page: Page;
  let notes: object[] = [];
  const posted: [string | undefined, { text: string; alerts: string[] }][] = [];

  /** `away`: how long ago the person was here, and what the system's clock showed then. */
  const open = async (away?: { readonly ms: number; readonly system: string }): Promise<void> => {
    page = await browser.newPage({ locale: 'pt-BR', viewport: { width: 1280, height: 900 } });
    if (away) {
      const look = { system: Date.parse(away.system), wall: Date.now() - away.ms };
      await page.addInitScript({
        content: `localStorage.setItem('atalaia-looked:', ${JSON.stringify(JSON.stringify(look))})`,
      });
    }
    await page.route('**/api/v1/handovers**', async (route) => {
      const request = route.request();
      if (request.method() === 'GET') return route.fulfill({ json: { items: notes, next: null } });
      const body = request.postDataJSON() as { text: string; alerts: string[] };
      posted.push([request.headers()['idempotency-key'], body]);
      notes = [{ ...note, id: 'note-2', author: 'Ana', text: body.text }, ...notes];
      return route.fulfill({ status: 201, json: {} });
    });
    await page.goto(`${api.url}/#/duty`);
    await page.waitForSelector('details.handover');
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
    notes = [];
    posted.length = 0;
    await page.close();
  });
  afterAll(async () => {
    await browser.close();
    await api.stop();
  });

  it('sums up what came while a person was away, marks it, and goes by a key', async () => {
    await open({ ms: hourMs, system: '2024-04-29T00:00:00Z' });
    const told = page.locator('.since');
    await told.waitFor();
    expect((await told.textContent())?.replace(/\s+/g, ' ')).toMatch(/Desde 28 abr\S* 21:00: \d+ novos/);
    await page.locator('.qi .tag', { hasText: 'novo' }).first().waitFor();
    expect(await axe()).toEqual([]);
    await page.keyboard.press('v');
    await told.waitFor({ state: 'detached' });
    expect(await page.locator('.qi .tag', { hasText: 'novo' }).count()).toBe(0);
  });

  it('says nothing to who has just been here, and remembers when that was', async () => {
    await open({ ms: 60_000, system: '2024-04-29T00:00:00Z' });
    await expect
      .poll(() => page.evaluate<string>("localStorage.getItem('atalaia-looked:')"), { timeout: 10_000 })
      .not.toContain(String(Date.parse('2024-04-29T00:00:00Z')));
    expect(await page.locator('.since').count()).toBe(0);
  });

  it('shows the note of the shift before, prepares one of what stands, and keeps it once', async () => {
    notes = [note];
    await open();
    await page.locator('details.handover > summary', { hasText: 'Rui' }).click();
    expect(await page.locator('details.handover .text').first().textContent()).toBe('Ponte vigiada.');
    await page.getByRole('button', { name: 'Preparar' }).click();
    const field = page.getByLabel('Nota para o próximo turno');
    await expect
      .poll(() => field.inputValue())
      .toMatch(/Em vigor: \d+ alertas\.\n- vermelho, .+: Chuvas intensas\n- vermelho, /);
    expect(await field.inputValue()).toContain('Envios suspensos por M. Duarte: troca do provedor de SMS');
    await field.fill('Ponte liberada.');
    await page.getByLabel('Quem escreve').fill('Ana');
    expect(await axe()).toEqual([]);
    await page.getByRole('button', { name: 'Deixar a nota' }).click();
    await page.locator('details.handover > summary', { hasText: 'Ana' }).waitFor();
    expect(posted).toMatchObject([[expect.any(String), { text: 'Ponte liberada.', author: 'Ana' }]]);
    expect(posted[0]?.[1].alerts.length).toBeGreaterThan(0);
    expect(await page.locator('details.handover details').textContent()).toContain('Ponte vigiada.');
  });
});
