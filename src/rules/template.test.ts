import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { loadTemplates } from './template.ts';

const folder = new URL('../../rules/templates/', import.meta.url);
const whole = `template: t
hazard: dam
level: red
instruction: { pt-BR: Saia., en: Leave. }
`;
const load = (...texts: string[]) =>
  loadTemplates(texts.map((text, i) => ({ path: `${i}.template.yaml`, text })));

it('the templates that come along are good, in both languages', () => {
  const files = readdirSync(folder).map((path) => ({
    path,
    text: readFileSync(new URL(path, folder), 'utf8'),
  }));
  const { templates, problems } = loadTemplates(files);
  expect(problems).toEqual([]);
  expect(templates.map(({ name }) => name)).toEqual(['deslizamento', 'inundacao', 'rompimento-barragem']);
});

it('fills in what is left out', () => {
  expect(load(whole).templates).toEqual([
    {
      name: 't',
      hazard: 'dam',
      level: 'red',
      title: { 'pt-BR': 'Rompimento de barragem', en: 'Dam breach' },
      expiresMs: 6 * 3_600_000,
      instruction: { 'pt-BR': 'Saia.', en: 'Leave.' },
      cap: { urgency: 'Immediate', certainty: 'Observed', responseType: 'Prepare' },
    },
  ]);
});

it('names what is wrong with its place', () => {
  const of = (text: string) => load(text).problems.map(({ line, message }) => `${line}: ${message}`);
  expect(of(whole.replace('dam', 'damm'))).toEqual([expect.stringMatching(/^2: .*"dam"/)]);
  expect(of(whole.replace(', en: Leave.', ''))).toEqual([expect.stringMatching(/^4: .*"en"/)]);
  expect(of(`${whole}levle: red\n`)).toEqual([expect.stringMatching(/^5: .*"level"/)]);
  expect(load(whole, whole).problems[0]?.message).toContain('"t" stands in another file');
  expect(load(whole, whole).templates).toHaveLength(1);
});
