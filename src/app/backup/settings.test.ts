import { expect, test } from 'vitest';
import { withoutSecrets } from './settings.ts';

test('secrets go, references and comments stay', () => {
  const text = `# ours
log: { kind: kafka, brokers: ["k:9092"], sasl: { mechanism: PLAIN, username: me, password: open-sesame } }
store: { kind: postgresql, url: "postgresql://u:pw1@db/a" }
sources: [ { kind: rabbitmq, urls: ["amqp://u:pw2@q/"], exchange: e } ]
channels:
  ops:
    kind: webhook
    url: https://hooks.example.org/T00/B00/pw3   # by its path a hook knows us
    secret: 'pw4 is long enough'
  sirens: { kind: webhook, url: "http://sirens.example.org/", secret: { env: SIRENS } }
`;
  const clean = withoutSecrets(text);
  for (const secret of ['open-sesame', 'pw1', 'pw2', 'pw3', 'pw4']) expect(clean).not.toContain(secret);
  for (const kept of ['# ours', 'k:9092', '{ env: SIRENS }', 'http://sirens.example.org/', '# by its path'])
    expect(clean).toContain(kept);
});
