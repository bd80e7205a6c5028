/** A piece of the Earth's surface in degrees WGS 84: a circle, or a ring of [latitude, longitude] that need not close. */
export type Shape =
  | { readonly latitude: number; readonly longitude: number; readonly km: number }
  | { readonly polygon: readonly (readonly [latitude: number, longitude: number])[] };
