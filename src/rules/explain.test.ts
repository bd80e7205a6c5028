import { expect, it } from 'vitest';
import type { Rule } from '../model/rule.ts';
import { parseRule } from './document.ts';
import { explainRule } from './explain.ts';

const rule = parseRule(
  `rule: teste
title: { pt-BR: Chuva e frio, en: Rain and cold }
hazard: rain
levels:
  yellow: (sum(rainfall, 1h) >= 20.5 mm or min(airTemperature, 90m) < 3 °C) and not silent(rainfall, 2h) for 2h
  red: max(windGust, 1h) - avg(windGust, 1h) > 40 km/h
clear: sum(rainfall, 1h) < 10 mm for 1h
area: { radius: 7.5 km }
`,
  'teste.yaml',
).rule as Rule;

it('explains in Portuguese', () => {
  expect(explainRule(rule, 'pt-BR')).toMatchInlineSnapshot(`
    "Regra teste: Chuva e frio (Chuvas intensas).
      Amarelo (perigo potencial): ((soma de chuva em 1 h de pelo menos 20,5 mm ou mínimo de temperatura do ar em 90 min abaixo de 3 °C) e não vale que a estação, em chuva, não envia dados há mais de 2 h) durante 2 h.
      Vermelho (grande perigo): (máximo de rajada em 1 h - média de rajada em 1 h) acima de 40 km/h.
    Encerra quando nenhum nível vale mais e soma de chuva em 1 h abaixo de 10 mm durante 1 h.
    Uma janela conta com pelo menos 80 % de cobertura; falta de dados nunca encerra o alerta.
    Expira 6 h após a última revisão.
    Área: raio de 7,5 km.
    "
  `);
});

it('explains in English', () => {
  expect(explainRule({ ...rule, clear: null, area: { kind: 'region' } }, 'en')).toMatchInlineSnapshot(`
    "Rule teste: Rain and cold (Heavy rain).
      Yellow (moderate): ((sum of rainfall over 1 h of at least 20.5 mm or minimum of air temperature over 90 min below 3 °C) and it is not true that the station has sent no rainfall for more than 2 h) for 2 h.
      Red (extreme): (maximum of wind gust over 1 h - mean of wind gust over 1 h) above 40 km/h.
    Ends when no level is true any more.
    A window counts from a coverage of 80 %; missing data never ends the alert.
    Expires 6 h after the newest revision.
    Area: the station's region.
    "
  `);
});
