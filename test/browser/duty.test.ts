import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { executablePath, flags, isBuilt } from './chromium.ts';
import { type MockApi, startMockApi } from './mock-api.ts';

// The queue moves while a person looks at it: what a key does must be meant for what they saw.

interface Row {
  readonly alert: string;
  readonly revision: number;
  readonly level: 'yellow' | 'orange' | 'red';
  readonly station: string;
}

const at = '2024-04-30T07:00:00Z';
const item = ({ alert, revision, level, station }: Row): object => ({
  ...{ kind: 'alert', alert, revision, event: 'raised', rule: 'chuva-intensa', hazard: 'rain', level },
  ...{ subject: { kind: 'station', id: station }, onsetAt: at, at, issuedAt: at, evidence: [] },
  ...{ state: 'active', expiresAt: '2024-04-30T13:00:00Z', levelSinceAt: at },
  ...{ isWaiting: true, acknowledged: null },
});

describe.skipIf(!executablePath || !isBuilt)('the duty page while things change', () => {
  let browser: Browser;
  let api: MockApi;
  let page: Page;
  let rows: Row[] = [];
  let more = 0;
  let others: readonly object[] = [];
  const acts: unknown[] = [];
  const polls: (string | undefined)[] = [];

  beforeAll(async () => {
    api = await startMockApi();
    browser = await chromium.launch({
      ...(executablePath ? { executablePath } : {}),
      args: flags,
      timeout: 60_000,
    });
  });
  afterAll(async () => {
    await browser.close();
    await api.stop();
  });
  beforeEach(async () => {
    acts.length = polls.length = more = 0;
    others = [];
    page = await browser.newPage({ locale: 'pt-BR' });
    await page.route('**/api/v1/duty', (route) => {
      polls.push(route.request().headers()['atalaia-background']);
      const total = { alerts: { yellow: rows.length + more, orange: 0, red: 0 }, deliveries: 0, stations: 0 };
      return route.fulfill({ json: { items: [...others, ...rows.map(item)], next: null, total } });
    });
    await page.route('**/acknowledge', (route) => {
      const [, alert] = /alerts\/(\w+)\//.exec(route.request().url()) ?? [];
      acts.push([alert, route.request().headers()['if-match']]);
      rows = rows.filter((row) => row.alert !== alert);
      return route.fulfill({ json: {} });
    });
  });
  afterEach(() => page.close());

  const open = async (first: Row[]): Promise<void> => {
    rows = first;
    await page.goto(`${api.url}/#/duty`);
    await page.waitForSelector('aside h2');
  };
  const aside = (text: string) => page.locator('aside', { hasText: text }).waitFor();
  /** Waits until the page has read the queue once more. */
  const readAgain = async (next: Row[]): Promise<void> => {
    rows = next;
    const before = polls.length;
    await expect.poll(() => polls.length, { timeout: 20_000 }).toBeGreaterThan(before);
    await expect.poll(() => page.locator('.qi').count(), { timeout: 20_000 }).toBe(next.length);
  };

  const canela: Row = { alert: 'aa', revision: 1, level: 'orange', station: 'A879' };
  const other: Row = { alert: 'bb', revision: 1, level: 'yellow', station: 'A801' };

  it('stays with the alert that was looked at when a graver one comes before it', async () => {
    await open([canela, other]);
    await readAgain([{ alert: 'cc', revision: 1, level: 'red', station: 'A884' }, canela, other]);
    await page.keyboard.press('a');
    await expect.poll(() => acts).toEqual([['aa', '"1"']]);
  });

  it('confirms no level that nobody looked at: the first press looks, the second confirms', async () => {
    await open([canela, other]);
    const risen = { ...canela, revision: 3, level: 'red' } as const;
    await readAgain([risen, other]);
    await aside('Subiu de laranja para vermelho');
    await page.keyboard.press('a');
    await page.locator('aside [role=status]', { hasText: 'Subiu de laranja para vermelho' }).waitFor();
    expect(acts).toEqual([]);
    await page.keyboard.press('a');
    await expect.poll(() => acts).toEqual([['aa', '"3"']]);
  });

  it('sends the revision that was looked at with the button, too', async () => {
    await open([canela, other]);
    await readAgain([{ ...canela, revision: 3, level: 'red' }, other]);
    await aside('Subiu de laranja para vermelho');
    await page.click('aside button.pri');
    await expect.poll(() => acts).toEqual([['aa', '"1"']]);
  });

  it('puts nothing in the place of an alert that is gone', async () => {
    await open([canela, other]);
    await readAgain([other]);
    await aside('não está mais aberto');
    await page.keyboard.press('a');
    await page.keyboard.press('j');
    await page.waitForSelector('aside h2');
    expect(acts).toEqual([]);
    await page.keyboard.press('a');
    await expect.poll(() => acts).toEqual([['bb', '"1"']]);
  });

  it('says which channel the daily test did not reach, and what to do', async () => {
    const channels = [
      { channel: 'sirenes', state: 'failed', reason: 'HTTP 404' },
      { channel: 'plantao', state: 'delivered', tookMs: 900 },
    ];
    others = [{ kind: 'self-test', state: 'failed', ok: false, detail: 'x', at, channels }];
    await open([canela]);
    const queue = page.locator('section', { has: page.locator('#needs-you') });
    await queue.getByText('A mensagem de teste não chegou por: sirenes', { exact: true }).waitFor();
    await queue.getByText('sirenes: HTTP 404', { exact: true }).waitFor();
    expect(await queue.locator('.cnt').textContent()).toBe('2');
  });

  it('says how many there are beyond those shown, and keeps no session alive by itself', async () => {
    more = 40;
    await open([canela]);
    await page.locator('section', { hasText: 'Mais 40, os menos graves' }).first().waitFor();
    await expect.poll(() => polls.length, { timeout: 20_000 }).toBeGreaterThan(2);
    expect(polls.at(-1)).toBe('1');
    const before = polls.length;
    await page.keyboard.press('j');
    await expect.poll(() => polls.slice(before).includes(undefined), { timeout: 20_000 }).toBe(true);
  });
});
