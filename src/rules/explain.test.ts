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

const told = (level: string, lang: 'pt-BR' | 'en', rest = ''): string => {
  const { rule: read, problems } = parseRule(
    `rule: r\nhazard: rain\nlevels:\n  yellow: ${level}\n${rest}`,
    'r.yaml',
  );
  expect(problems).toEqual([]);
  return explainRule(read as Rule, lang);
};

it.each([
  ['sum(rainfall, 1h tumbling) > 1 mm', 'soma de chuva no último período completo de 1 h acima de 1 mm'],
  ['sum(rainfall, 1h every 5m) > 1 mm', 'soma de chuva em 1 h, a cada 5 min acima de 1 mm'],
  ['sum(rainfall, session 30m) > 1 mm', 'soma de chuva desde a última pausa de mais de 30 min acima de 1 mm'],
  ['max(windGust, 10 reports) > 1 m/s', 'máximo de rajada nas últimas 10 leituras acima de 1 m/s'],
  [
    'percentile(windGust, 99.5, 10 reports tumbling) > 1 m/s',
    'percentil 99,5 de rajada no último grupo completo de 10 leituras do dia acima de 1 m/s',
  ],
  [
    'rise(riverLevel, 30d) > 1 m then rate(riverLevel, 1h) < 0.5 m/h within 6h',
    'primeiro subida de nível do rio em 30 d acima de 1 m e depois, em até 6 h, taxa de nível do rio em 1 h abaixo de 0,5 m/h',
  ],
  [
    'last(airTemperature, 1h) > percentile(airTemperature, 95, day-of-year)',
    'acima de percentil climatológico 95 de temperatura do ar para o dia do ano',
  ],
  [
    'returnPeriod(sum(rainfall, 24h)) >= 10 years',
    'período de retorno de soma de chuva em 24 h de pelo menos 10 anos',
  ],
  ['returnPeriod(sum(rainfall, 24h)) >= 1 year', 'de pelo menos 1 ano.'],
  [
    'max(forecast(rainfall, 6h)) >= 40 mm',
    'máximo de chuva na previsão para as próximas 6 h de pelo menos 40 mm',
  ],
])('tells %s in Portuguese', (level, words) => expect(told(level, 'pt-BR')).toContain(words));

it('tells a rule over regions, of one station and of all', () => {
  const level =
    'share(stations where sum(rainfall, 1h) > 20 mm or silent(2h)) >= 20 % and not silent(3h) and avg(windSpeed, 1h) > 3 m/s';
  expect(told(level, 'en', 'subject: area\n')).toMatchInlineSnapshot(`
    "Rule r: Heavy rain.
      Yellow (moderate): share of stations with (sum of rainfall over 1 h above 20 mm or the station has sent no data for more than 2 h) of at least 20 % and it is not true that no station of the area has sent data for more than 3 h and mean of wind speed over 1 h above 3 m/s.
    Ends when no level is true any more.
    A window counts from a coverage of 80 %; missing data never ends the alert.
    Expires 6 h after the newest revision.
    Area: each region, with an alert of its own.
    A window pools the readings of all stations of the area.
    "
  `);
  expect(
    told('count(stations where silent(2h)) > 1', 'pt-BR', 'subject: area\narea: { name: Vale }\n'),
  ).toMatchInlineSnapshot(`
    "Regra r: Chuvas intensas.
      Amarelo (perigo potencial): número de estações com (a estação não envia dados há mais de 2 h) acima de 1.
    Encerra quando nenhum nível vale mais.
    Uma janela conta com pelo menos 80 % de cobertura; falta de dados nunca encerra o alerta.
    Expira 6 h após a última revisão.
    Área: Vale.
    "
  `);
});

it('says that suspect readings count where a rule accepts them, and nothing where it does not', () => {
  const yellow = 'max(airTemperature, 1h) > 35 °C';
  expect(told(yellow, 'pt-BR', 'quality: suspect\n')).toContain('Contam também as leituras suspeitas');
  expect(told(yellow, 'en', 'quality: suspect\n')).toContain('Suspect readings count, too');
  expect(told(yellow, 'en', 'quality: good\n')).toBe(told(yellow, 'en'));
});
