import { invariant } from '../src/lib/errors.ts';
import type { Rule } from '../src/model/rule.ts';
import { loadRules } from '../src/rules/rule-set.ts';

/** Name, hazard, levels and clear of the rules that the engine's benchmark folds with; thresholds that rarely fire. */
const table: readonly (readonly [name: string, hazard: string, levels: readonly string[], clear?: string])[] =
  [
    [
      'rain-10m',
      'rain',
      ['sum(rainfall, 10m) >= 10 mm', 'sum(rainfall, 10m) >= 20 mm'],
      'sum(rainfall, 10m) < 5 mm for 10m',
    ],
    [
      'rain-1h',
      'rain',
      ['sum(rainfall, 1h) >= 30 mm', 'sum(rainfall, 1h) >= 60 mm'],
      'sum(rainfall, 1h) < 10 mm for 1h',
    ],
    ['rain-24h', 'rain', ['sum(rainfall, 24h) > 80 mm', 'sum(rainfall, 24h) > 150 mm']],
    ['rain-burst', 'rain', ['max(rainfall, 10m) >= 5 mm and sum(rainfall, 1h) >= 20 mm']],
    [
      'gust-10m',
      'wind',
      ['max(windGust, 10m) > 110 km/h', 'max(windGust, 10m) > 140 km/h'],
      'max(windGust, 1h) < 60 km/h',
    ],
    ['gust-1h', 'wind', ['max(windGust, 1h) > 110 km/h'], 'max(windGust, 1h) < 60 km/h for 1h'],
    ['wind-mean', 'wind', ['avg(windSpeed, 10m) > 25 m/s', 'avg(windSpeed, 10m) > 32 m/s']],
    ['wind-day', 'wind', ['max(windGust, 24h) > 130 km/h']],
    ['heat-1h', 'heat', ['min(airTemperature, 1h) > 39 degC', 'min(airTemperature, 1h) > 42 degC']],
    ['heat-day', 'heat', ['max(airTemperature, 24h) > 42 degC']],
    ['cold-1h', 'cold', ['max(airTemperature, 1h) < 0 degC']],
    ['cold-day', 'cold', ['min(airTemperature, 24h) < -5 degC']],
    ['heat-damp', 'heat', ['avg(airTemperature, 1h) > 36 degC and avg(relativeHumidity, 1h) > 75 %']],
    ['dry-1h', 'humidity', ['max(relativeHumidity, 1h) < 12 %', 'max(relativeHumidity, 1h) < 8 %']],
    ['dry-day', 'humidity', ['avg(relativeHumidity, 24h) < 15 %']],
    [
      'fire-weather',
      'fire',
      [
        'last(airTemperature, 10m) > 38 degC and last(relativeHumidity, 10m) < 15 % and last(windSpeed, 10m) > 12 m/s',
      ],
    ],
    ['pressure-fall', 'wind', ['delta(stationPressure, 1h) < -9 hPa']],
    ['pressure-low', 'wind', ['min(stationPressure, 1h) < 880 hPa']],
    ['dew', 'heat', ['avg(dewPoint, 1h) > 28 degC']],
    [
      'storm',
      'rain',
      ['max(windGust, 10m) > 90 km/h and sum(rainfall, 10m) > 8 mm or delta(airTemperature, 1h) < -12 degC'],
    ],
  ];

const levelNames = ['yellow', 'orange'] as const;

/** The rules of the benchmark, through the real parser: windows of 10 minutes, an hour and a day over seven quantities. */
export function engineRules(): Rule[] {
  const files = table.map(([name, hazard, levels, clear]) => ({
    path: `${name}.yaml`,
    text: [
      `rule: ${name}`,
      `hazard: ${hazard}`,
      'levels:',
      ...levels.map((condition, i) => `  ${levelNames[i]}: ${condition}`),
      ...(clear ? [`clear: ${clear}`] : []),
    ].join('\n'),
  }));
  const { rules, problems } = loadRules(files);
  invariant(problems.length === 0, `a rule of the benchmark is bad: ${JSON.stringify(problems[0])}`);
  return rules;
}
