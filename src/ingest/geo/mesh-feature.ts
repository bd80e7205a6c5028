/** Longitude, latitude in degrees. */
export type Position = readonly [longitude: number, latitude: number];

/** One municipality as the file has it: its polygons, of each the outer ring first. */
export interface MeshFeature {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly polygons: readonly (readonly (readonly Position[])[])[];
}
