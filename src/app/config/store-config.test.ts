import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from './config.ts';

function configured(yaml: string, env: Record<string, string> = {}): ReturnType<typeof loadConfig> {
  const folder = mkdtempSync(join(tmpdir(), 'atalaia-config-'));
  try {
    const file = join(folder, 'atalaia.yaml');
    writeFileSync(join(folder, 'password'), 'of-the-file\n');
    writeFileSync(file, yaml.replaceAll('FOLDER', folder));
    return loadConfig(file, env);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('without a word everything lies in the data directory', () => {
  const { log, store } = configured('environment: test\n');
  expect([log, store]).toEqual([{ kind: 'embedded' }, { kind: 'embedded' }]);
});

test('secrets of log and store come from the environment and from files', () => {
  const { log, store } = configured(
    `log: { kind: kafka, brokers: ["k1:9092"], topic: a, retention: 7d, tls: true,
  sasl: { mechanism: PLAIN, username: u, password: { file: FOLDER/password } } }
store: { kind: postgresql, url: { env: DATABASE }, shards: [{ env: DATABASE }, "postgresql://h2/d"] }
`,
    { DATABASE: 'postgresql://u:p@h1/d' },
  );
  expect(log).toMatchObject({
    retention: 604_800_000,
    tls: true,
    sasl: { username: 'u', password: 'of-the-file' },
  });
  expect(store).toEqual({
    kind: 'postgresql',
    url: 'postgresql://u:p@h1/d',
    schema: 'atalaia',
    shards: ['postgresql://u:p@h1/d', 'postgresql://h2/d'],
  });
});

test('the environment sets what only one kind has', () => {
  const { store } = configured('environment: test\n', {
    ATALAIA_STORE_KIND: 'postgresql',
    ATALAIA_STORE_URL: 'postgresql://h1/d',
    ATALAIA_STORE_READURL: 'postgresql://h2/d',
  });
  expect(store).toMatchObject({ kind: 'postgresql', url: 'postgresql://h1/d', readUrl: 'postgresql://h2/d' });
});

test.each([
  ['log: {}\n', /log.*embedded, kafka/],
  ['store: { kind: mysql }\n', /store.*embedded, postgresql/],
  ['store: { kind: embedded, url: "postgresql://h/d" }\n', /store\.url/],
  ['store: { kind: postgresql, url: "postgresql://h/d", schema: "a-b" }\n', /store\.schema/],
  ['log: { kind: kafka, brokers: [k1], topic: a }\n', /log\.brokers\.0: a broker such as/],
  ['log: { kind: kafka, brokers: ["k1:1"], topic: a, retention: soon }\n', /log\.retention/],
  ['log: { kind: kafka, brokers: ["k1:1"], topic: a, sessionTimeout: 2s }\n', /sessionTimeout: .* 3s to 5m/],
  ['log: { kind: kinesis, stream: a, sessionTimeout: 6m }\n', /log\.sessionTimeout: .* 3s to 5m/],
  ['log: { kind: rabbitmq, urls: ["amqp://h"], sessionTimeout: 1 }\n', /sessionTimeout: .* 3s to 5m/],
])('refuses %s', (yaml, message) => {
  expect(() => configured(yaml)).toThrow(message);
});

test('sources: secrets are resolved, defaults filled in, a scenario stands alone', () => {
  const { sources } = configured(
    `sources:
  - { kind: rabbitmq, urls: [{ env: RABBIT }], exchange: stations }
  - { kind: kafka, brokers: ["k:9092"], topic: t, sasl: { mechanism: PLAIN, username: u, password: { file: FOLDER/password } } }
`,
    { RABBIT: 'amqp://u:p@h' },
  );
  expect(sources).toEqual([
    {
      kind: 'rabbitmq',
      urls: ['amqp://u:p@h'],
      exchange: 'stations',
      routingKey: '#',
      queue: 'atalaia',
      format: 'report',
    },
    {
      kind: 'kafka',
      brokers: ['k:9092'],
      topic: 't',
      sasl: { mechanism: 'PLAIN', username: 'u', password: 'of-the-file' },
      group: 'atalaia',
      from: 'oldest',
      format: 'report',
    },
  ]);
});

test.each([
  ['sources: [ { kind: folder, directory: x, units: { a: mm } } ]', /sources.*format of a producer/],
  ['sources: [ { kind: coap } ]', /sources\.0.*scenario, http, poll, udp, folder, rabbitmq, kafka/],
  ['sources: [ { kind: rabbitmq, urls: ["amqp://h"] } ]', /sources\.0\.exchange/],
  ['sources: [ { kind: rabbitmq, urls: [{ env: NOT_SET }], exchange: e } ]', /sources\.0\.urls\.0.*NOT_SET/],
  ['sources: [ { kind: rabbitmq, urls: ["amqp://h"], exchnge: e, exchange: e } ]', /exchnge.*exchange/s],
  [
    'sources: [ { kind: scenario, directory: d }, { kind: kafka, brokers: ["k:1"], topic: t } ]',
    /sources: .*only source/,
  ],
])('%s is refused', (yaml, message) => {
  expect(() => configured(yaml)).toThrow(message);
});
