import { describe, expect, it } from 'vitest';
import { hasReferences, needsReferences, readText } from './fixture.ts';
import { heatIndex, humidex } from './heat.ts';
import {
  dewPoint,
  relativeHumidity,
  saturationVapourPressure,
  vapourPressureDeficit,
  wetBulbTemperature,
} from './humidity.ts';
import { altimeterSetting, seaLevelPressure, standardPressure } from './pressure.ts';
import { cosineOfZenith, directShare, sunOver } from './sun.ts';
import { universalThermalClimateIndex } from './utci.ts';
import { windChill, windSpeedAtHeight } from './wind.ts';

const celsius = (f: number): number => (f - 32) / 1.8;
const fahrenheit = (c: number): number => c * 1.8 + 32;
const mph = (v: number): number => v * 0.44704;

describe('published tables', () => {
  // NWS heat index chart (weather.gov/safety/heat-index): whole °F.
  it.each([
    [80, 40, 80],
    [90, 60, 100],
    [96, 50, 108],
    [100, 55, 124],
    [86, 90, 105],
    [110, 40, 136],
  ])('heat index at %d °F and %d %% is %d °F', (t, rh, expected) =>
    expect(Math.abs(fahrenheit(heatIndex(celsius(t), rh)) - expected)).toBeLessThanOrEqual(1),
  );

  // NWS wind chill chart (2001): whole °F, wind in mph.
  it.each([
    [40, 5, 36],
    [30, 30, 15],
    [0, 15, -19],
    [-20, 40, -57],
    [-45, 60, -98],
  ])('wind chill at %d °F and %d mph is %d °F', (t, v, expected) =>
    expect(Math.round(fahrenheit(windChill(celsius(t), mph(v))))).toBe(expected),
  );

  // Environment Canada's wind chill table: whole °C, wind in km/h.
  it.each([
    [0, 30, -6],
    [-20, 20, -30],
    [-40, 60, -64],
  ])('wind chill at %d °C and %d km/h is %d', (t, v, expected) =>
    expect(Math.round(windChill(t, v / 3.6))).toBe(expected),
  );

  // Environment Canada's humidex table by humidity: whole degrees; it is made with another vapour pressure.
  it.each([
    [30, 70, 41],
    [35, 50, 45],
    [25, 60, 30],
  ])('humidex at %d °C and %d %% is %d', (t, rh, expected) =>
    expect(Math.abs(humidex(t, dewPoint(t, rh)) - expected)).toBeLessThanOrEqual(1),
  );

  // Smithsonian tables: saturation vapour pressure over water, hPa.
  it.each([
    [0, 6.107],
    [20, 23.373],
    [30, 42.43],
  ])('saturation at %d °C is %d hPa within 0.2 %%', (t, expected) =>
    expect(Math.abs(saturationVapourPressure(t) / expected - 1)).toBeLessThan(0.002),
  );

  it('wet bulb: the example of Stull 2011, 20 °C and 50 % give 13.7 °C', () =>
    expect(wetBulbTemperature(20, 50)).toBeCloseTo(13.7, 1));

  it('the standard atmosphere: 1000 m, 898.75 hPa', () => {
    expect(standardPressure(1000)).toBeCloseTo(898.75, 1);
    expect(altimeterSetting(898.75, 1000)).toBeCloseTo(1013.25, 1);
  });

  // A pressure level falls by about 1 hPa in 8.4 m at 15 °C near the ground.
  it('sea-level pressure of a station at 84 m lies 10 hPa above its own; none above 750 m', () => {
    expect(seaLevelPressure(1003, 84, 15, 60)).toBeCloseTo(1013.03, 1);
    expect(seaLevelPressure(900, 1000, 15, 60)).toBeUndefined();
  });
});

describe('limits', () => {
  it('the heat index of dry heat bends at 13 %: a quarter of a degree Fahrenheit a point at 95 °F', () => {
    const at = (rh: number): number => fahrenheit(heatIndex(celsius(95), rh));
    expect(at(13) - at(12) - (at(14) - at(13))).toBeCloseTo(0.25, 1);
    expect(at(12.999)).toBeCloseTo(at(13), 2);
  });

  it('wind chill begins at 3 mph', () => {
    expect(windChill(-5, 4.8 / 3.6)).toBe(-5);
    expect(windChill(-5, 5.5 / 3.6)).toBeLessThan(-6);
  });

  it('the share of the beam by Liljegren: exp(3 - 1.34 s - 1.65 / s), none with the sun down, at most 0.9', () => {
    const half = directShare(1367 * 0.5 * 0.5, { cosZenith: 0.5, upShare: 1 });
    expect(half).toBeCloseTo(Math.exp(3 - 0.67 - 3.3), 12);
    expect(directShare(100, { cosZenith: 0.008, upShare: 1 })).toBe(0);
    expect(directShare(0, { cosZenith: 0.5, upShare: 1 })).toBe(0);
    expect(directShare(1200, { cosZenith: 0.9, upShare: 1 })).toBeLessThanOrEqual(0.9);
  });

  // Solstice noon at the tropic: the sun in the zenith. Equinox: up for half of the day, 06:00 to 18:00 of the sun.
  it('the sun stands where it must', () => {
    const noonAtTropic = Date.UTC(2024, 11, 21, 15);
    expect(cosineOfZenith(noonAtTropic, -23.44, -45)).toBeGreaterThan(0.999);
    expect(cosineOfZenith(noonAtTropic + 12 * 3_600_000, -23.44, -45)).toBeLessThan(-0.6);
    const sunrise = sunOver(Date.UTC(2024, 2, 20, 6, 37), 3_600_000, 0, 0);
    expect(Math.abs(sunrise.upShare - 0.5)).toBeLessThanOrEqual(1 / 12);
    // The mean over the half hour of sun alone, from 0 to 7.5° of height.
    expect(sunrise.cosZenith).toBeCloseTo(Math.sin((3.75 * Math.PI) / 180), 1);
    expect(sunrise.cosZenith).toBeGreaterThan(0.05);
  });

  it('wind chill is the air temperature where there is none', () => {
    expect(windChill(20, 10)).toBe(20);
    expect(windChill(-5, 1)).toBe(-5);
    expect(windChill(9.9, 1.35)).toBeLessThanOrEqual(9.9);
  });

  it('wet bulb and UTCI give nothing outside their validity', () => {
    expect(wetBulbTemperature(20, 4)).toBeUndefined();
    expect(wetBulbTemperature(51, 50)).toBeUndefined();
    expect(wetBulbTemperature(-10, 100)).toBeLessThanOrEqual(-10);
    expect(universalThermalClimateIndex(25, 50, 18, 25)).toBeUndefined();
    expect(universalThermalClimateIndex(25, 50, 2, 100)).toBeUndefined();
    expect(universalThermalClimateIndex(45, 90, 2, 50)).toBeUndefined();
    expect(universalThermalClimateIndex(25, 50, 0, 25)).toBe(universalThermalClimateIndex(25, 50, 0.5, 25));
  });

  it('dew point and relative humidity are inverse, and the deficit closes at saturation', () => {
    for (const t of [-30, 0, 25, 45])
      for (const rh of [1, 20, 63.5, 100]) expect(relativeHumidity(t, dewPoint(t, rh))).toBeCloseTo(rh, 9);
    expect(vapourPressureDeficit(25, 100)).toBe(0);
    expect(vapourPressureDeficit(25, 50)).toBeCloseTo(15.8, 1);
  });

  it('wind falls towards the ground: a third at 0.1 m, all at 10 m', () => {
    expect(windSpeedAtHeight(9, 10)).toBe(9);
    expect(windSpeedAtHeight(9, 0.1)).toBeCloseTo(3, 12);
  });
});

interface ScalarCases {
  [name: string]: (readonly [number, number, number])[];
}

/** Values of weewx's own tests; tolerances as its README line gives them. */
describe.skipIf(!hasReferences)(`weewx's test values${needsReferences}`, () => {
  const cases = (name: string): (readonly [number, number, number])[] =>
    (JSON.parse(readText('scalar-cases.json')) as ScalarCases)[name] as (readonly [number, number, number])[];
  const worst = (name: string, compute: (a: number, b: number) => number): number => {
    const rows = cases(name);
    expect(rows.length).toBeGreaterThan(0);
    return Math.max(...rows.map(([a, b, expected]) => Math.abs(compute(a, b) - expected)));
  };

  it('dew point, °F, within 0.1', () =>
    expect(worst('dewpointF', (t, rh) => fahrenheit(dewPoint(celsius(t), rh)))).toBeLessThanOrEqual(0.1));

  it('wind chill, °F and °C, within 0.5', () => {
    expect(worst('windchillF_T_mph', (t, v) => fahrenheit(windChill(celsius(t), mph(v))))).toBeLessThan(0.5);
    expect(worst('windchillC_T_kmh', (t, v) => windChill(t, v / 3.6))).toBeLessThan(0.5);
  });

  it('heat index, °F and °C, within 0.1', () => {
    expect(worst('heatindexF_T_RH', (t, rh) => fahrenheit(heatIndex(celsius(t), rh)))).toBeLessThan(0.1);
    expect(worst('heatindexC_T_RH', heatIndex)).toBeLessThan(0.1);
  });

  // Theirs takes the dew point with 17.2694 and 238.3 °C.
  it('humidex within 0.05', () =>
    expect(worst('humidexC_T_RH', (t, rh) => humidex(t, dewPoint(t, rh)))).toBeLessThan(0.05));

  // Theirs adds 0.01 inHg-ish at sea level (another form of the same atmosphere): 0.3 hPa.
  it('altimeter within 0.3 hPa', () => {
    const inch = 33.863886666667;
    expect(
      worst('altimeter_inHg_station_ft', (p, h) => altimeterSetting(p * inch, h * 0.3048) / inch),
    ).toBeLessThan(0.01);
    expect(worst('altimeter_hPa_station_m', altimeterSetting)).toBeLessThan(0.3);
  });
});
