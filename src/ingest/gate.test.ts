import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toScaled } from '../model/quantity.ts';
import { HOUR_MS } from '../model/time.ts';
import { checkReading } from './gate.ts';

const check = (name: string, value: unknown, unit?: string, ms = HOUR_MS) =>
  checkReading(name, value, unit, ms);

describe('checkReading', () => {
  it.each([
    ['rainfall', 12.4, undefined, 12400],
    ['rainfall', 1, 'in', 25400],
    ['rainfall', 1.0005, undefined, 1001],
    ['airTemperature', 54.5, 'degF', 12500],
    ['airTemperature', -0, undefined, 0],
    ['airTemperature', 0, 'K', undefined],
    ['airTemperature', 273.15, 'K', 0],
    ['airTemperature', -1.0005, undefined, -1001],
    ['windGust', 40, 'km/h', 11111],
    ['rainfall', 0.00005, 'cm', 1],
    ['rainfall', Number('1e-400'), undefined, 0],
    ['stationPressure', 100050, 'Pa', 1000500],
  ])('%s %s %s is %s', (name, value, unit, scaled) => {
    const result = check(name, value, unit);
    expect('value' in result ? result.value : undefined).toBe(scaled);
  });

  it.each([
    ['rainfall', Number.NaN, undefined, 'not-finite'],
    ['rainfall', 'NaN', undefined, 'not-finite'],
    ['rainfall', Number('1e999'), undefined, 'not-finite'],
    ['rainfall', '12,5', undefined, 'not-finite'],
    ['rainfall', null, undefined, 'not-finite'],
    ['rainfall', 2 ** 53 + 2, undefined, 'range'],
    ['rainfall', 500.001, undefined, 'range'],
    ['rainfall', -0.001, undefined, 'range'],
    ['rainfall', 1, '°C', 'unit'],
    ['rainfall', 1, 'constructor', 'unit'],
    ['rain', 1, undefined, 'unknown-quantity'],
    ['__proto__', 1, undefined, 'unknown-quantity'],
    ['heatIndex', 40, undefined, 'unknown-quantity'],
    ['fireWeatherIndex', 20, undefined, 'unknown-quantity'],
  ])('%s %s %s is refused as %s', (name, value, unit, code) =>
    expect(check(name, value, unit)).toMatchObject({ code }),
  );

  it('refuses what is computed here with the remedy, and takes what instruments measure too', () => {
    expect(check('windChill', 3)).toMatchObject({
      message: expect.stringContaining('send what it is computed'),
    });
    for (const name of ['dewPoint', 'wetBulbTemperature', 'wetBulbGlobeTemperature', 'seaLevelPressure'])
      expect(check(name, name === 'seaLevelPressure' ? 1013 : 20)).toHaveProperty('value');
  });

  it('scales a range per hour by the interval', () => {
    expect(check('rainfall', 100, undefined, HOUR_MS / 6)).toMatchObject({ code: 'range' });
    expect(check('rainfall', 3000, undefined, HOUR_MS * 6)).toEqual({ value: 3_000_000 });
  });

  it('rounds as toScaled does', () => {
    const near = fc.integer({ min: -50_000, max: 50_000 }).map((n) => n / 10_000);
    fc.assert(
      fc.property(fc.oneof(near, fc.double({ min: 0.001, max: 50, noNaN: true })), (value) => {
        expect(check('airTemperature', value)).toEqual({ value: toScaled(value) });
      }),
    );
  });

  it('rounds a tiny value to zero', () => expect(check('airTemperature', 1e-7)).toEqual({ value: 0 }));

  it('is odd around zero and never far from the double result', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 200, noNaN: true }), (speed) => {
        const result = check('windSpeed', speed, 'km/h');
        if ('value' in result)
          expect(Math.abs(result.value - (speed * 10000) / 36)).toBeLessThanOrEqual(0.5 + 1e-9);
      }),
    );
  });
});
