import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { defaultBudget } from '../../rules/budget.ts';
import { budgetOf } from './config.ts';
import { configJsonSchema, configSchema } from './schema.ts';

it('the schema for editors is that of the program; `node scripts/make-schema.ts` writes it anew', () => {
  const file = new URL('../../../docs/atalaia.schema.json', import.meta.url);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(configJsonSchema())));
});

it('the schema tells what may stand where', () => {
  expect(configJsonSchema()).toMatchObject({
    additionalProperties: false,
    properties: { environment: { enum: ['actual', 'exercise', 'test'] }, pipeline: { type: 'object' } },
  });
});

it('rules may be given more room', () => {
  const budget = { memory: '8GiB', stationMemory: '128 MiB' };
  expect(budgetOf(configSchema.parse({ pipeline: { budget } }))).toMatchObject({
    totalBytes: 8 * 2 ** 30,
    stationBytes: 128 * 2 ** 20,
  });
  expect(budgetOf(configSchema.parse({}))).toEqual(defaultBudget);
  expect(() => configSchema.parse({ pipeline: { budget: { memory: 'much' } } })).toThrow(/512MiB/);
});
