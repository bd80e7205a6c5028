import { expect, test } from 'vitest';
import { commands } from './index.ts';

test.each(commands)('$name tells how it is used', async ({ name, summary, load }) => {
  const { usage } = await load();
  expect(usage).toContain(`atalaia ${name}`);
  expect(summary).toMatch(/^[a-z]/);
});

test('no two commands have one name', () => {
  expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length);
});
