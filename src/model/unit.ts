/**
 * Units and their exact conversion: canonical = (value + offset) × numerator / denominator.
 * Fractions keep thresholds exact (40 km/h = 100/9 m/s); factors by BIPM SI brochure, 9th ed., and NIST SP 811.
 */
export interface Unit {
  readonly name: string;
  /** The canonical unit that it converts to; also the name of its dimension. */
  readonly canonical: string;
  readonly numerator: number;
  readonly denominator: number;
  readonly offset: number;
  /** Offset for differences (a rise of 5 °F) is none. */
}

const u = (name: string, canonical: string, numerator = 1, denominator = 1, offset = 0): Unit => ({
  name,
  canonical,
  numerator,
  denominator,
  offset,
});

const table: readonly Unit[] = [
  u('mm', 'mm'),
  u('cm', 'mm', 10),
  u('in', 'mm', 254, 10),
  u('inch', 'mm', 254, 10),
  u('°C', '°C'),
  u('degC', '°C'),
  u('C', '°C'),
  u('°F', '°C', 5, 9, -32),
  u('degF', '°C', 5, 9, -32),
  u('K', '°C', 1, 1, -273.15),
  u('%', '%'),
  u('m/s', 'm/s'),
  u('km/h', 'm/s', 10, 36),
  u('kt', 'm/s', 1852, 3600),
  u('kn', 'm/s', 1852, 3600),
  u('mph', 'm/s', 44704, 100000),
  u('hPa', 'hPa'),
  u('mbar', 'hPa'),
  u('mb', 'hPa'),
  u('Pa', 'hPa', 1, 100),
  u('kPa', 'hPa', 10),
  u('inHg', 'hPa', 33863886666667, 1000000000000),
  // 133.322387415 Pa: ISO 80000-4, conventional millimetre of mercury.
  u('mmHg', 'hPa', 26664477483, 20000000000),
  u('°', '°'),
  u('deg', '°'),
  u('kJ/m²', 'kJ/m²'),
  u('kJ/m2', 'kJ/m²'),
  u('MJ/m2', 'kJ/m²', 1000),
  u('J/m2', 'kJ/m²', 1, 1000),
  u('J/cm2', 'kJ/m²', 10),
  u('W/m²', 'W/m²'),
  u('W/m2', 'W/m²'),
  u('V', 'V'),
  u('mV', 'V', 1, 1000),
  u('m', 'm'),
  u('km', 'm', 1000),
  u('ft', 'm', 3048, 10000),
  u('mi', 'm', 1_609_344, 1000),
];

export const units: ReadonlyMap<string, Unit> = new Map(table.map((entry) => [entry.name, entry]));

const MM_IN_M = 1000;

/**
 * The unit of that name for a quantity in `canonical`; undefined when it cannot be given in it. A level in metres may come in
 * the units of rain (cm, in) too, for gauges write it so; not the other way, for rain in metres is a mistake.
 */
export function unitFor(name: string, canonical: string): Unit | undefined {
  const unit = units.get(name);
  if (unit?.canonical === canonical) return unit;
  if (unit?.canonical !== 'mm' || canonical !== 'm') return undefined;
  return { ...unit, canonical, denominator: unit.denominator * MM_IN_M };
}
