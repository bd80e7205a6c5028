import { expect, it } from 'vitest';
import { claimsReal } from './environment.ts';

it.each([
  'THIS IS NOT A DRILL. Seek shelter.',
  'Isto não é um exercício.',
  'ATENÇÃO: nao se trata de simulado',
  'This is real.',
])('knows %j as what no drill may say', (text) => expect(claimsReal(text)).toBe(true));

it.each([
  'Saia das margens do rio.',
  'This is a drill.',
  'Exercício: não é preciso agir.',
  'Do not test the ice.',
])('lets %j pass', (text) => expect(claimsReal(text)).toBe(false));
