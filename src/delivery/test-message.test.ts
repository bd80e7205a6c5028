import { expect, test } from 'vitest';
import { openCapGate } from '../alerts/cap/gate.ts';
import { testMessage } from './test-message.ts';

const server = { id: 'rs', sender: 'alertas@example.org', name: 'Defesa Civil RS' };

test('a test says so in every form, and its CAP message passes the gate with status Test', async () => {
  const { notification, cap } = testMessage({ id: 'abc', at: 1_714_456_800_123, server });
  const body = JSON.parse(notification.body);
  expect(body).toMatchObject({ alert: 'test-abc', status: 'Test', rule: 'atalaia-test' });
  expect(body.text['pt-BR']).toMatch(/^TESTE: .*Mensagem de teste/);
  expect(body.text.en).toMatch(/^TEST: .*Test message/);
  expect((await openCapGate()).check(cap)).toEqual([]);
  expect(cap).toContain('<status>Test</status>');
  expect(cap).toMatch(/<headline>TESTE: /);
  expect(notification.key).toBe('test.abc');
});
