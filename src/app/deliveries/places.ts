import type { Area } from '../../model/area.ts';
import type { Station } from '../../model/station.ts';
import type { Subject } from '../../model/subject.ts';

/** Where an alert is: its station; for an area a place that bears its id and name, with the stations in it. */
export interface Place {
  readonly station: Station;
  readonly stations?: readonly Station[];
}

interface Registry {
  station(id: string): Station | undefined;
  stations(): readonly Station[];
  areas(): readonly Area[];
}

/**
 * Finds the place of a subject; undefined when nobody knows it any more. A region bears the name of its first station
 * by id: networks name stations after their municipality.
 */
export function placeOf(subject: Subject, registry: Registry): Place | undefined {
  if (subject.kind === 'station') {
    const station = registry.station(subject.id);
    return station && { station };
  }
  const area = registry.areas().find(({ id }) => id === subject.id);
  const stations = (
    area
      ? area.stations.flatMap((id) => registry.station(id) ?? [])
      : registry.stations().filter(({ region }) => region === subject.id)
  ).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const first = stations[0];
  if (!first) return undefined;
  const name = area ? (typeof area.name === 'string' ? area.name : area.name['pt-BR']) : first.name;
  return { station: { ...first, id: subject.id, name, region: area?.region ?? subject.id }, stations };
}
