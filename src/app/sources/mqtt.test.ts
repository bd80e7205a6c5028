import { expect, test } from 'vitest';
import { sourcesConfig } from '../config/source-config.ts';
import { clientIdOf } from './mqtt.ts';

function idOf(more: object, host: string): string {
  const [source] = sourcesConfig.parse([
    { kind: 'mqtt', name: 'field', urls: ['mqtt://broker'], topics: ['a/#'], ...more },
  ]);
  if (source?.kind !== 'mqtt' && source?.kind !== 'wis2') throw new Error('no source of MQTT');
  return clientIdOf(source, host);
}

test('a session is found again from another machine, unless processes share it', () => {
  expect([idOf({}, 'web-7f9c'), idOf({}, 'web-51aa')]).toEqual(['atalaia-field', 'atalaia-field']);
  expect(
    idOf({ kind: 'wis2', format: 'csv', table: { time: 't' }, quantities: { x: 'rainfall' } }, 'h'),
  ).toBe('atalaia-field');
  expect(idOf({ sharedGroup: 'g' }, 'atalaia-0')).toBe('atalaia-field-atalaia-0');
  expect(idOf({ sharedGroup: 'g', clientId: 'place-2' }, 'atalaia-0')).toBe('place-2');
});
