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
  u('Pa', 'hPa', 1, 100),
  u('kPa', 'hPa', 10),
  u('inHg', 'hPa', 33863886666667, 1000000000000),
  u('°', '°'),
  u('deg', '°'),
  u('kJ/m²', 'kJ/m²'),
  u('kJ/m2', 'kJ/m²'),
  u('MJ/m2', 'kJ/m²', 1000),
  u('J/m2', 'kJ/m²', 1, 1000),
  u('m', 'm'),
  u('ft', 'm', 3048, 10000),
];

export const units: ReadonlyMap<string, Unit> = new Map(table.map((entry) => [entry.name, entry]));
