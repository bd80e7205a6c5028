import type { Text } from './language.ts';
import type { Station } from './station.ts';

/**
 * A set of stations that rules of `subject: area` look at together. Every region of the registry is an area by itself,
 * with the region's code as its id; these are the further, named ones.
 */
export interface Area {
  readonly id: string;
  readonly name: Text | string;
  /** Its home: the partition of this region evaluates the area. */
  readonly region: string;
  /** Ids of stations, of whatever region. */
  readonly stations: readonly string[];
}

/** What one partition must know of areas, the document of an `areas` command. */
export interface AreaDocument {
  /** The areas whose home is here. */
  readonly areas: readonly Area[];
  /** Stations that these areas list and whose own home is another partition. */
  readonly neighbours: readonly Station[];
}

/** The border of a municipality: outer rings, closed, [latitude, longitude] in degrees WGS 84. */
export interface Border {
  /** IBGE geocode of 7 digits, the region's code of its stations. */
  readonly id: string;
  readonly name: string;
  readonly polygons: readonly (readonly (readonly [latitude: number, longitude: number])[])[];
}
