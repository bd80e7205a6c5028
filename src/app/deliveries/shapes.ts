import { STATION_KM } from '../../alerts/cap/area.ts';
import type { AlertRevision } from '../../model/alert.ts';
import type { Border } from '../../model/area.ts';
import type { Rule } from '../../model/rule.ts';
import type { Shape } from '../../model/shape.ts';
import type { Place } from './places.ts';

/**
 * Where an alert is on the ground, for those who are told by place: as its CAP message has it (alerts/cap/area.ts). What a
 * person drew; else the circle of the rule; else the border of the municipality where it was imported; else circles about the
 * stations of an area, and the place of a station.
 */
export function shapesOf(
  { area, event }: AlertRevision,
  rule: Rule | undefined,
  place: Place | undefined,
  border?: (code: string) => Border | undefined,
): readonly Shape[] {
  if (area && 'polygon' in area) return [{ polygon: area.polygon }];
  if (!place) return [];
  const { station, stations = [] } = place;
  const round = (km: number): Shape[] =>
    (stations.length > 0 ? stations : [station]).map(({ latitude, longitude }) => ({
      latitude,
      longitude,
      km,
    }));
  if (area) return round(area.radiusKm);
  if (rule?.area.kind === 'radius') return round(rule.area.km);
  const isOfRegion =
    event.subject.kind === 'station' ? rule?.area.kind === 'region' : event.subject.id === station.region;
  const known = isOfRegion ? border?.(station.region) : undefined;
  if (known) return known.polygons.map((polygon) => ({ polygon }));
  return round(stations.length > 0 ? STATION_KM : 0);
}
