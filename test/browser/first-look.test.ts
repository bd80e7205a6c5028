import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, flags, isBuilt } from './chromium.ts';
import { canelaAlert, type MockApi, startMockApi } from './mock-api.ts';

interface Item {
  readonly subject: { readonly id: string };
  readonly hazard: string;
}
interface List<T> {
  items: T[];
}

/** What somebody sees who has one station, two hazards, or no answer yet. */
describe.skipIf(!executablePath || !isBuilt)('the first look, in a browser', () => {
  let browser: Browser;
  let api: MockApi;
  let page: Page;
  const errors: string[] = [];

  const open = (path: string): Promise<unknown> => page.goto(`${api.url}/#${path}`);
  /** Answers of the mock with something changed in them. */
  const change = async <T>(glob: string, how: (answer: T) => void): Promise<void> => {
    await page.route(glob, async (route) => {
      const response = await route.fetch();
      const answer = (await response.json()) as T;
      how(answer);
      await route.fulfill({ response, json: answer });
    });
  };
  /** Texts of drawings that reach beyond them, where they would be cut off. */
  const cut = (selector: string): Promise<string[]> =>
    page.locator(selector).evaluateAll((all) =>
      (all as unknown as SvgText[])
        .filter((one) => {
          const [box, frame] = [one.getBoundingClientRect(), one.ownerSVGElement.getBoundingClientRect()];
          return box.left < frame.left || box.right > frame.right;
        })
        .map((one) => one.textContent),
    );

  beforeAll(async () => {
    api = await startMockApi();
    browser = await chromium.launch({ ...(executablePath ? { executablePath } : {}), args: flags });
  });
  const begin = async (width = 1280): Promise<void> => {
    page = await browser.newPage({ viewport: { width, height: 820 }, locale: 'pt-BR' });
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
        errors.push(message.text());
    });
  };
  afterEach(async () => {
    await page.close();
    expect(errors.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    await api.stop();
  });

  it('a single station stands in the middle of a map with land on it', async () => {
    await begin();
    await change<List<{ id: string }>>('**/api/v1/stations?limit=*', (list) => {
      list.items = list.items.filter(({ id }) => id === 'A879');
    });
    await open('/');
    const mark = page.locator('svg.map a');
    await mark.waitFor();
    const [frame, box] = [await page.locator('svg.map').boundingBox(), await mark.boundingBox()];
    expect((box?.x ?? 0) + (box?.width ?? 0) / 2 - (frame?.x ?? 0)).toBeCloseTo((frame?.width ?? 0) / 2, -1);
    expect((box?.y ?? 0) + (box?.height ?? 0) / 2 - (frame?.y ?? 0)).toBeCloseTo(
      (frame?.height ?? 0) / 2,
      -1,
    );
    expect(await page.getAttribute('svg.map .land', 'd')).toMatch(/^M-?\d/);
  });

  it('says no count before it knows one, and of a page that is not there that it is not', async () => {
    await begin();
    await page.route('**/api/v1/status', (route) => route.abort());
    await open('/');
    await page.waitForSelector('.lost', { timeout: 20_000 });
    expect(await page.title()).toBe('Alertas em vigor – Atalaia');
    expect(await page.locator('.intro li').count()).toBe(0);
    await open('/nowhere?lang=en');
    await expect.poll(() => page.title()).toBe('This page does not exist. – Atalaia');
  });

  it('names the hazard of each row, counts a place once, and gauges rain for rain alone', async () => {
    await begin();
    await change<List<Item>>('**/api/v1/alerts?state=open*', (list) => {
      const [rain] = list.items.filter(({ subject }) => subject.id === 'A882' || subject.id === 'A827');
      const wind = {
        ...rain,
        ...{ alert: 'a'.repeat(32), rule: 'vendaval', hazard: 'wind', level: 'yellow' },
        evidence: [
          {
            ...{ expression: 'max(windGust, 1h) >= 40 km/h', value: 49.3, unit: 'km/h', threshold: 40 },
            ...{ from: '2024-04-30T06:00:00Z', to: '2024-04-30T07:00:00Z', coverage: 1, observations: 1 },
          },
        ],
      } as unknown as Item;
      const silent = { ...wind, alert: 'b'.repeat(32), rule: 'chuva-intensa', hazard: 'station-silent' };
      list.items = [...list.items.filter((one) => one === rain), wind, silent];
    });
    await open('/');
    const table = page.locator('section[aria-labelledby="level-1"]');
    await table.waitFor();
    await expect.poll(() => page.textContent('h1')).toBe('2 alertas em vigor');
    expect(await table.locator('h2').textContent()).toContain('1 município');
    expect(await table.locator('tbody tr').count()).toBe(2);
    const wind = table.locator('tbody tr', { hasText: 'km/h' });
    expect(await wind.textContent()).toContain('vendaval');
    expect(await wind.textContent()).not.toContain('mm');
    expect(await table.locator('tbody tr', { hasNotText: 'km/h' }).textContent()).toContain(
      'Chuvas intensas',
    );
    // What only the people who run the system are told of is in force all the same.
    await open('/rules');
    await expect
      .poll(async () => (await page.locator('tbody tr').first().textContent())?.trim())
      .toMatch(/2$/);
  });

  it.each([390, 1280])('at %i px no name of a quantity and no window is cut off', async (width) => {
    await begin(width);
    await open('/stations/A879?lang=en');
    await page.waitForSelector('section[aria-labelledby="arrived"] svg text');
    expect(await cut('section[aria-labelledby="arrived"] svg text')).toEqual([]);
    // An hour at the end of two days: the name of the window has no room to its right.
    await change<{ evidence: object[]; history: object[] }>(`**/api/v1/alerts/${canelaAlert}`, (alert) => {
      alert.history = [];
      alert.evidence = [{ ...alert.evidence[0], value: 61, threshold: 60 }];
    });
    await open(`/alerts/${canelaAlert}`);
    await page.waitForSelector('svg.chart .sum');
    expect(await cut('svg.chart text.halo')).toEqual([]);
  });
});

interface SvgText {
  readonly textContent: string;
  readonly ownerSVGElement: SvgText;
  getBoundingClientRect(): { readonly left: number; readonly right: number };
}
