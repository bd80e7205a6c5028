interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

/** Great-circle distance in km on a sphere of 6371 km (haversine). */
export function distanceKm(a: Place, b: Place): number {
  const rad = Math.PI / 180;
  const h =
    Math.sin(((b.latitude - a.latitude) * rad) / 2) ** 2 +
    Math.cos(a.latitude * rad) *
      Math.cos(b.latitude * rad) *
      Math.sin(((b.longitude - a.longitude) * rad) / 2) ** 2;
  return 2 * 6371 * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** The `count` nearest other places with their distance in km. */
export function nearest<T extends Place & { readonly id: string }>(
  place: Place & { readonly id: string },
  others: readonly T[],
  count: number,
): { readonly place: T; readonly km: number }[] {
  return others
    .filter((other) => other.id !== place.id)
    .map((other) => ({ place: other, km: distanceKm(place, other) }))
    .sort((a, b) => a.km - b.km)
    .slice(0, count);
}

/** Lower case without accents: "Tupanciretã" is found by "tupancireta". */
export const fold = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
