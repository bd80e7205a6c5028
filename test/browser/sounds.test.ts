import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, flags, isBuilt } from './chromium.ts';
import { type MockApi, startMockApi } from './mock-api.ts';

const at = '2024-04-30T07:00:00Z';
const item = (alert: string, level: string): object => ({
  ...{ kind: 'alert', alert, revision: 1, event: 'raised', rule: 'chuva-intensa', hazard: 'rain', level },
  ...{ subject: { kind: 'station', id: 'A879' }, onsetAt: at, at, issuedAt: at, evidence: [] },
  ...{ state: 'active', expiresAt: '2024-04-30T13:00:00Z', levelSinceAt: at },
  ...{ isWaiting: true, acknowledged: null },
});
/** Counts what is played; the audio is the browser's own. */
const counting = `globalThis.played = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...args) { played.push(this.frequency.value); return start.apply(this, args); };`;

/** As a browser holds sound back from a page that nobody has pressed; what drives the browser here counts as pressing. */
const blocking = `let pressed = false;
addEventListener('pointerdown', () => { pressed = true; }, true);
const state = Object.getOwnPropertyDescriptor(BaseAudioContext.prototype, 'state').get;
Object.defineProperty(BaseAudioContext.prototype, 'state', { get() { return pressed ? state.call(this) : 'suspended'; } });
const resume = AudioContext.prototype.resume;
AudioContext.prototype.resume = function () { return pressed ? resume.call(this) : new Promise(() => undefined); };`;

describe.skipIf(!executablePath || !isBuilt)('sounds of the duty page', () => {
  let browser: Browser;
  let api: MockApi;
  let page: Page;
  let rows: object[] = [];
  let environment = 'actual';

  const open = async (path = '/duty', kept?: object, isBlocked = false): Promise<void> => {
    page = await browser.newPage({ locale: 'pt-BR', viewport: { width: 1280, height: 900 } });
    await page.addInitScript({ content: counting });
    if (isBlocked) await page.addInitScript({ content: blocking });
    if (kept)
      await page.addInitScript({
        content: `localStorage.setItem('atalaia-sound', ${JSON.stringify(JSON.stringify(kept))})`,
      });
    await page.route('**/api/v1/duty', (route) => {
      const total = { alerts: { yellow: 0, orange: 0, red: rows.length }, deliveries: 0, stations: 0 };
      return route.fulfill({ json: { items: rows, next: null, total } });
    });
    await page.route('**/api/v1/status', async (route) => {
      const answer = await route.fetch();
      return route.fulfill({ json: { ...((await answer.json()) as object), environment } });
    });
    await page.goto(`${api.url}/#${path}`);
    await page.waitForSelector('main h1, main h2');
  };
  const played = (): Promise<number> => page.evaluate<number>('played.length');

  beforeAll(async () => {
    api = await startMockApi();
    browser = await chromium.launch({
      ...(executablePath ? { executablePath } : {}),
      args: flags,
      timeout: 60_000,
    });
  });
  afterEach(async () => {
    [rows, environment] = [[], 'actual'];
    await page.close();
  });
  afterAll(async () => {
    await browser.close();
    await api.stop();
  });

  it('are off until somebody wants them; each level can be heard by a button', async () => {
    rows = [item('aa', 'red')];
    await open();
    const panel = page.locator('details.sound');
    expect(await panel.locator('summary').textContent()).toBe('Som: desligado');
    await panel.locator('summary').click();
    expect(await played()).toBe(0);
    await panel.getByRole('button', { name: 'Ouvir amarelo' }).click();
    await expect.poll(played).toBe(2);
    await panel.getByRole('button', { name: 'Ouvir vermelho' }).click();
    await expect.poll(played).toBe(12);
    await page.evaluate(
      await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
    );
    const found = await page.evaluate(
      "axe.run().then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => [id, nodes[0]?.html]))",
    );
    expect(found).toEqual([]);
  });

  it('ring for what is new, not for what stood there; `m` hushes until the next', async () => {
    rows = [item('aa', 'red')];
    await open();
    const panel = page.locator('details.sound');
    await panel.locator('summary').click();
    await panel.getByLabel('Tocar quando').check();
    await page.waitForTimeout(700);
    expect(await played()).toBe(0);
    rows = [item('aa', 'red'), item('bb', 'orange')];
    await expect.poll(played, { timeout: 15_000 }).toBe(3);
    await page.evaluate('document.activeElement.blur()');
    await page.keyboard.press('m');
    await expect.poll(() => panel.locator('summary').textContent()).toBe('Som: calado até o próximo alerta');
    rows = [...rows, item('cc', 'yellow')];
    await page.waitForTimeout(6000);
    expect(await played()).toBe(3);
    rows = [...rows, item('dd', 'red')];
    await expect.poll(played, { timeout: 15_000 }).toBe(13);
    expect(await panel.locator('summary').textContent()).toBe('Som: ligado');
  });

  it('tell that the browser blocks them, on every page, and begin by a button', async () => {
    await open('/stations', { isOn: true, volume: 0.5, levels: ['red'], hasDrills: false }, true);
    const told = page.locator('[role=alert]', { hasText: 'bloqueando o som' });
    await told.waitFor();
    await told.getByRole('button', { name: 'Permitir o som' }).click();
    await told.waitFor({ state: 'detached' });
    await page.waitForTimeout(500);
    rows = [item('aa', 'red')];
    await expect.poll(played, { timeout: 15_000 }).toBe(10);
  });

  it('are silent in an exercise unless chosen, and then begin with two notes', async () => {
    environment = 'exercise';
    await open('/duty', { isOn: true, volume: 0.5, levels: ['red'], hasDrills: false });
    await page.locator('details.sound summary').click();
    rows = [item('aa', 'red')];
    await page.waitForTimeout(6000);
    expect(await played()).toBe(0);
    await page.getByLabel('Tocar também em exercícios').check();
    rows = [item('aa', 'red'), item('bb', 'red')];
    await expect.poll(played, { timeout: 15_000 }).toBe(12);
    expect(await page.evaluate<number[]>('played.slice(0, 2)')).toEqual([523, 392]);
  });
});
