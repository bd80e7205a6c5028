import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeVapid } from '../../src/lib/web-push.ts';
import { executablePath, flags, isBuilt } from './chromium.ts';
import { type MockApi, startMockApi } from './mock-api.ts';

/** The vendor's push service is not here: the browser's half of it answers as it would. */
const pushService = `{
  let subscription = null;
  const keys = { p256dh: 'cDI1NmRo', auth: 'YXV0aA' };
  PushManager.prototype.subscribe = async (options) => {
    globalThis.askedWith = options;
    subscription = { toJSON: () => ({ endpoint: 'https://push.example/abc', keys }), unsubscribe: async () => { subscription = null; return true; } };
    return subscription;
  };
  PushManager.prototype.getSubscription = async () => subscription;
}`;

describe.skipIf(!executablePath || !isBuilt)('notifications in a browser', () => {
  let browser: Browser;
  let api: MockApi;
  let page: Page;
  const { publicKey } = makeVapid();
  const asks: [string, string, unknown][] = [];
  let answer = 201;

  beforeAll(async () => {
    api = await startMockApi();
    browser = await chromium.launch({
      ...(executablePath ? { executablePath } : {}),
      args: flags,
      timeout: 60_000,
    });
  });
  afterEach(async () => {
    asks.length = 0;
    answer = 201;
    await page.context().close();
  });
  afterAll(async () => {
    await browser.close();
    await api.stop();
  });

  const open = async (permissions: string[], channels = [{ channel: 'push', publicKey }]): Promise<void> => {
    const context = await browser.newContext({ locale: 'pt-BR' });
    await context.grantPermissions(permissions);
    page = await context.newPage();
    await page.addInitScript({ content: pushService });
    await page.route('**/api/v1/web-push', (route) =>
      route.fulfill({ json: { items: channels, next: null } }),
    );
    await page.route('**/api/v1/subscriptions**', (route) => {
      const request = route.request();
      asks.push([request.method(), new URL(request.url()).pathname, request.postDataJSON()]);
      return request.method() === 'DELETE'
        ? route.fulfill({ status: 204 })
        : route.fulfill({
            status: answer,
            json: answer === 201 ? { id: 'api-1' } : { detail: 'Body `channel`: none' },
          });
    });
    await page.goto(`${api.url}/#/duty`);
    await page.waitForSelector('details.sound');
  };

  it('a person lets this browser be told, and ends it', async () => {
    await open(['notifications']);
    await page.locator('.push select').selectOption('red');
    await page.getByRole('button', { name: 'Avisar neste navegador' }).click();
    await page.locator('.push', { hasText: 'Este navegador será avisado' }).waitFor();
    const address = 'https://push.example/abc#p256dh=cDI1NmRo&auth=YXV0aA';
    expect(asks).toEqual([
      ['POST', '/api/v1/subscriptions', { name: 'navegador', channel: 'push', address, level: 'red' }],
    ]);
    expect(await page.evaluate('askedWith')).toEqual({
      userVisibleOnly: true,
      applicationServerKey: publicKey,
    });
    await page.getByRole('button', { name: 'Não avisar mais' }).click();
    await page.getByRole('button', { name: 'Avisar neste navegador' }).waitFor();
    expect(asks.at(-1)?.slice(0, 2)).toEqual(['DELETE', '/api/v1/subscriptions/api-1']);
  });

  it('says what the server refuses, and leaves no subscription that nobody sends to', async () => {
    await open(['notifications']);
    answer = 422;
    await page.getByRole('button', { name: 'Avisar neste navegador' }).click();
    await page.locator('.push', { hasText: 'Body `channel`: none' }).waitFor();
    expect(await page.getByRole('button', { name: 'Avisar neste navegador' }).count()).toBe(1);
  });

  it('shows nothing where the server has no such channel', async () => {
    await open(['notifications'], []);
    expect(await page.locator('.push').count()).toBe(0);
  });

  it('what is pushed is shown, and a newer word on an alert takes its place', async () => {
    await open(['notifications']);
    const session = await page.context().newCDPSession(page);
    const registered = new Promise<string>((done) => {
      session.on('ServiceWorker.workerVersionUpdated', ({ versions }) => {
        const running = versions.find(({ status }) => status === 'activated');
        if (running) done(running.registrationId);
      });
    });
    await session.send('ServiceWorker.enable');
    await page.getByRole('button', { name: 'Avisar neste navegador' }).click();
    const registrationId = await registered;
    const push = (title: string, level: string): Promise<unknown> =>
      session.send('ServiceWorker.deliverPushMessage', {
        ...{ origin: api.url, registrationId },
        data: JSON.stringify({ title, body: 'Saia.', alert: 'a1', level, language: 'pt-BR' }),
      });
    const shown = (): Promise<unknown> =>
      page.evaluate(`navigator.serviceWorker.getRegistration('/push-worker.js')
        .then((worker) => worker.getNotifications())
        .then((all) => all.map(({ title, body, tag, requireInteraction, data }) => [title, body, tag, requireInteraction, data.alert]))`);
    await push('EXERCÍCIO: Perigo', 'orange');
    await expect.poll(shown).toEqual([['EXERCÍCIO: Perigo', 'Saia.', 'a1', false, 'a1']]);
    await push('EXERCÍCIO: Grande perigo', 'red');
    await expect.poll(shown).toEqual([['EXERCÍCIO: Grande perigo', 'Saia.', 'a1', true, 'a1']]);
  });
});
