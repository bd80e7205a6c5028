import type { Page } from 'playwright-core';
import { consentText } from '../../src/api/subscribers/texts.ts';
import { hazards, operatorHazards } from '../../src/rules/hazard.ts';

export interface Sent {
  readonly path: string;
  readonly body: unknown;
}

/** Answers what a page of subscribers asks; what it sends is kept in `sent`. */
export async function mockSubscribers(page: Page, sent: Sent[]): Promise<void> {
  await page.route('**/api/v1/subscribers**', async (route) => {
    const request = route.request();
    const { pathname, search } = new URL(request.url());
    const path = `${pathname.replace('/api/v1/subscribers', '')}${search}`;
    if (path === '/options')
      return route.fulfill({
        json: {
          channels: [
            { name: 'mail', kind: 'email' },
            { name: 'torpedo', kind: 'sms' },
          ],
          hazards: [...hazards]
            .filter(([key]) => !operatorHazards.has(key))
            .map(([key, { event }]) => ({ key, name: event })),
          areas: [{ id: 'guaiba', name: { 'pt-BR': 'Bacia do Guaíba', en: 'Guaíba basin' } }],
          consent: { version: '1', text: consentText },
        },
      });
    sent.push({ path, body: request.postDataJSON() });
    if (JSON.stringify(request.postDataJSON()).includes('over'))
      return route.fulfill({ status: 404, json: { detail: 'This link is not valid' } });
    const answers: Readonly<Record<string, object>> = {
      '/export': { address: 'ana@example.org', subscriptions: [] },
      '/erase': { deliveries: 3, left: 1 },
    };
    return route.fulfill({ status: path === '' ? 202 : 200, json: answers[path] ?? { accepted: true } });
  });
}
