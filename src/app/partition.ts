import type { Area, AreaDocument } from '../model/area.ts';
import type { Station } from '../model/station.ts';

/** Partition of a region: FNV-1a, 32 bit, over its UTF-8 bytes (Fowler, Noll, Vo), modulo the number of partitions. */
export function partitionOf(region: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(region, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % partitions;
}

/** What each partition must know of the named areas, by partition: those at home there, and the stations they list from elsewhere. */
export function areaDocuments(
  areas: readonly Area[],
  stations: Iterable<Station>,
  partitions: number,
): AreaDocument[] {
  const byId = new Map([...stations].map((station) => [station.id, station]));
  const found = Array.from({ length: partitions }, () => ({
    areas: [] as Area[],
    neighbours: new Map<string, Station>(),
  }));
  for (const area of areas) {
    const home = partitionOf(area.region, partitions);
    const document = found[home] as (typeof found)[number];
    document.areas.push(area);
    for (const id of area.stations) {
      const station = byId.get(id);
      if (station && partitionOf(station.region, partitions) !== home) document.neighbours.set(id, station);
    }
  }
  return found.map((document) => ({
    areas: document.areas,
    neighbours: [...document.neighbours.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
  }));
}

/** The partitions beside its own that a station's reports go to: each once, ascending. */
export function neighbourPartitions(
  documents: readonly AreaDocument[],
): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  documents.forEach(({ neighbours }, partition) => {
    for (const { id } of neighbours) {
      const known = found.get(id);
      if (known) known.push(partition);
      else found.set(id, [partition]);
    }
  });
  return found;
}
