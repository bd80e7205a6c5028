import { describe, expect, it } from 'vitest';
import { farthest, hasReferences, needsReferences, readRows } from './fixture.ts';
import { wetBulbEquation } from './humidity.ts';
import { globeTemperature, naturalWetBulbTemperature, type SensorAir } from './liljegren.ts';
import { cosineOfZenith } from './sun.ts';
import { psychrometricWetBulb, wetBulbGlobeIndoor, wetBulbGlobeOutdoor } from './wet-bulb-globe.ts';

/** Salamanca, summer of 2003: daily means, the results of the R package HeatStress. */
describe.skipIf(!hasReferences)(`HeatStress, 92 summer days${needsReferences}`, () => {
  const days = () =>
    readRows('wbgt-heatstress/data_obs_with_expected.csv').filter((row) =>
      Number.isFinite(row.liljegren_wbgt as number),
    );
  const column = (name: string): number[] => days().map((row) => row[name] as number);

  it('has days', () => expect(days().length).toBeGreaterThan(50));

  it('wet bulb by Stull within 1e-6 K', () =>
    expect(
      farthest(
        days().map((d) => wetBulbEquation(d.tasmean as number, d.hurs as number)),
        column('stull_wetbulb'),
      ),
    ).toBeLessThan(1e-6));

  // Theirs looks for the least |balance| to 1e-4 K, ours for its root.
  it('psychrometric wet bulb and WBGT in shade by Bernard within 0.001 K', () => {
    const tw = days().map((d) => psychrometricWetBulb(d.tasmean as number, d.dewp as number));
    const wbgt = days().map((d) => wetBulbGlobeIndoor(d.tasmean as number, d.dewp as number));
    expect(farthest(tw, column('bernard_Tpwb'))).toBeLessThan(1e-3);
    expect(farthest(wbgt, column('bernard_wbgt_shade'))).toBeLessThan(1e-3);
  });

  // HeatStress takes 1010 hPa, a direct share of 0.8, albedo 0.4, the sun at its highest, a globe of 50 mm,
  // no scaling of wind, and for the wick the air's properties at the wick's instead of the film's temperature.
  const air = (d: Record<string, number>, i: number): SensorAir => ({
    celsius: d.tasmean as number,
    humidity: d.hurs as number,
    pressure: 1010,
    windSpeed2m: d.wind as number,
    solar: d.solar as number,
    directShare: 0.8,
    cosZenith: noon(i),
    albedo: 0.4,
  });
  const noon = (i: number): number => cosineOfZenith(Date.UTC(2003, 6, 1 + i, 12), 40.96, 0);

  it('WBGT by Liljegren within 0.06 K, globe within 0.06 K, natural wet bulb within 0.08 K', () => {
    const rows = days();
    const wbgt = farthest(
      rows.map((d, i) => wetBulbGlobeOutdoor(air(d, i))),
      column('liljegren_wbgt'),
    );
    const globe = farthest(
      rows.map((d, i) => globeTemperature(air(d, i))),
      column('liljegren_Tg'),
    );
    const wick = farthest(
      rows.map((d, i) => naturalWetBulbTemperature(air(d, i))),
      column('liljegren_Tnwb'),
    );
    expect(wbgt).toBeLessThan(0.06);
    expect(globe).toBeLessThan(0.06);
    expect(wick).toBeLessThan(0.08);
  });
});
