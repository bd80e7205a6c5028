import type { StationItem } from './contract.ts';

export type Place =
  | { readonly kind: 'station'; readonly station: StationItem }
  | { readonly kind: 'area'; readonly id: string };

/** The codes of the regions that stations are in, sorted. */
export const regionsOf = (stations: readonly StationItem[]): string[] =>
  [...new Set(stations.map(({ region }) => region))].toSorted();

/** What a person typed: a station by id, name, or name with id as the list suggests it; else a region's code. */
export function findPlace(typed: string, stations: readonly StationItem[]): Place | null {
  const text = typed.trim().toLocaleLowerCase();
  const station = stations.find(({ id, name }) =>
    [id, name, `${name} (${id})`].some((one) => one.toLocaleLowerCase() === text),
  );
  if (station) return { kind: 'station', station };
  const id = regionsOf(stations).find((one) => one.toLocaleLowerCase() === text);
  return id === undefined ? null : { kind: 'area', id };
}
