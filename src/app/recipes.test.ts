import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { formats } from '../ingest/formats/index.ts';
import { loadConfig } from './config/config.ts';
import type { SourceConfig } from './config/source-config.ts';

const read = (page: string): string =>
  readFileSync(new URL(`../../docs/${page}.md`, import.meta.url), 'utf8');
const pages = ['connect-a-station', 'mqtt', 'brokers'].map(read);
const secrets = {
  ...{ GARDEN_KEY: 'k', TOMORROW_KEY: 'k', CEMADEN_TOKEN: 'k', MQTT_PASSWORD: 'p' },
  RABBITMQ_URL: 'amqp://127.0.0.1',
};

/** Sources as the pages write them, whole lists and single ones, read as the program reads its configuration. */
function recipes(): SourceConfig[] {
  const folder = mkdtempSync(join(tmpdir(), 'atalaia-recipes-'));
  const file = join(folder, 'atalaia.yaml');
  try {
    return pages
      .flatMap((text) => [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, yaml]) => yaml as string))
      .filter((yaml) => /^(sources:|- )/m.test(yaml))
      .flatMap((yaml) => {
        writeFileSync(file, yaml.startsWith('- ') ? `sources:\n${yaml}` : yaml);
        return loadConfig(file, secrets).sources;
      });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('every recipe is taken by the program, and every kind of source has one', () => {
  const found = recipes();
  expect(found.length).toBeGreaterThan(25);
  const kinds = new Set(found.map(({ kind }) => kind));
  expect([...kinds].sort()).toEqual([
    'folder',
    'http',
    'kafka',
    'kinesis',
    'mqtt',
    'poll',
    'rabbitmq',
    'udp',
    'wis2',
  ]);
});

it('every format has a recipe', () => {
  const named = pages.flatMap((text) => [...text.matchAll(/format: "?([\w.-]+)/g)].map(([, name]) => name));
  expect([...formats.keys()].filter((name) => !named.includes(name))).toEqual([]);
});
