/** A place with instruments. `region` decides its partition and never changes: a station that moves is adopted anew. */
export interface Station {
  readonly id: string;
  readonly name: string;
  /** Degrees WGS 84. */
  readonly latitude: number;
  readonly longitude: number;
  /** Metres above mean sea level. */
  readonly altitude: number | null;
  /** Code of the region (in Brazil the IBGE code of the municipality where known). */
  readonly region: string;
  /** IANA zone of the station's place. */
  readonly timeZone: string;
  /** The span between two reports, ms. */
  readonly intervalMs: number | null;
}
