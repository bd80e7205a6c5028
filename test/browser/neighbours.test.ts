import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, flags, isBuilt } from './chromium.ts';
import { type MockApi, startMockApi } from './mock-api.ts';

interface Item {
  id: string;
  health: Record<string, unknown>;
}

describe.skipIf(!executablePath || !isBuilt)('what neighbours say of a station, in a browser', () => {
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

  const since = '2024-04-30T04:00:00Z';
  const mark = { quantity: 'rainfall', flag: 'suspect', check: 'high-influx', since, isCounted: true };
  /** A879 counts far more rain than its neighbours, A883 is partial and has none. */
  function told(item: Item): Item {
    if (item.id === 'A879')
      return { ...item, health: { ...item.health, state: 'suspect', since, suspect: [mark], isolated: [] } };
    if (item.id === 'A883')
      return { ...item, health: { ...item.health, suspect: [mark], isolated: ['airTemperature'] } };
    return item;
  }
  async function open(path: string): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.route(/\/api\/v1\/stations(\?.*)?$/, async (route) => {
      const answer = await route.fetch();
      const { items, next } = (await answer.json()) as { items: Item[]; next: string | null };
      await route.fulfill({ response: answer, json: { items: items.map(told), next } });
    });
    await page.route(/\/observations\?/, async (route) => {
      const answer = await route.fetch();
      const { items, next } = (await answer.json()) as {
        items: { values: Record<string, object> }[];
        next: string | null;
      };
      const last = items.at(-1);
      if (last?.values.rainfall) Object.assign(last.values.rainfall, { marks: [{ check: 'high-influx' }] });
      await route.fulfill({ response: answer, json: { items, next } });
    });
    await page.goto(`${api.url}/#${path}`);
    return page;
  }

  it.each([
    ['en', 'far more rain than the gauges around', 'too few neighbours to compare', 'count it all the same'],
    [
      'pt-BR',
      'muito mais chuva que os pluviômetros em volta',
      'sem estações vizinhas bastantes para comparar',
      'contam mesmo assim',
    ],
  ])('the list tells it of each station, on whatever rung (%s)', async (language, influx, few, counted) => {
    const page = await open(`/stations?lang=${language}`);
    const row = (id: string) => page.locator('tbody tr', { hasText: id }).textContent();
    await expect.poll(() => row('A879')).toContain(influx);
    expect(await row('A879')).toContain(counted);
    expect(await row('A879')).not.toContain(few);
    expect(await row('A883')).toContain(influx);
    expect(await row('A883')).toContain(few);
    await page.close();
  });

  it('the page of a station tells it, and which readings it is about', async () => {
    const page = await open('/stations/A879?lang=en');
    const ladder = () => page.locator('section[aria-labelledby=health]').textContent();
    await expect.poll(ladder).toContain('far more rain than the gauges around, since');
    expect(await ladder()).not.toContain('too few neighbours');
    await expect
      .poll(() => page.locator('svg.chart title').allTextContents())
      .toContain('far more rain than the gauges around');
    await page.close();
    const other = await open('/stations/A883?lang=en');
    await expect
      .poll(() => other.locator('section[aria-labelledby=health]').textContent())
      .toContain('too few neighbours to compare: air temperature');
    await other.close();
  });
});
