import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { configJsonSchema } from './config.ts';

it('the schema for editors is that of the program; `node scripts/make-schema.ts` writes it anew', () => {
  const file = new URL('../../docs/atalaia.schema.json', import.meta.url);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(configJsonSchema())));
});

it('the schema tells what may stand where', () => {
  expect(configJsonSchema()).toMatchObject({
    additionalProperties: false,
    properties: { environment: { enum: ['actual', 'exercise', 'test'] }, pipeline: { type: 'object' } },
  });
});
