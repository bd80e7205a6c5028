import type { EditedArea } from '../../model/act.ts';
import type { Border } from '../../model/area.ts';
import type { Rule } from '../../model/rule.ts';
import type { Station } from '../../model/station.ts';
import type { CapArea, CapPair } from './message.ts';

/** Mean radius of the earth, km (IUGG). */
const EARTH_KM = 6371.0088;
const POINTS = 36;
/** Radius, km, for which one station of an area stands. */
export const STATION_KM = 10;
const MAX_CIRCLES = 100;
const IBGE_CODE = /^\d{7}$/;

const radians = (degrees: number): number => (degrees * Math.PI) / 180;
const fixed = (degrees: number): string => (Math.round(degrees * 1e4) / 1e4 || 0).toFixed(4);

/**
 * A circle as a closed polygon of 36 corners, `lat,lon …`, 4 decimals; undefined where no simple ring of such corners
 * exists: across the antimeridian, around a pole, or so small that the corners fall together (the circle then stands alone).
 */
export function circlePolygon(latitude: number, longitude: number, km: number): string | undefined {
  const angle = km / EARTH_KM;
  if (km < 0.2 || Math.abs(latitude) + (angle * 180) / Math.PI >= 89) return undefined;
  const phi = radians(latitude);
  const corners: string[] = [];
  for (let i = 0; i < POINTS; i++) {
    const bearing = (2 * Math.PI * i) / POINTS;
    const sin = Math.sin(phi) * Math.cos(angle) + Math.cos(phi) * Math.sin(angle) * Math.cos(bearing);
    const east = Math.atan2(
      Math.sin(bearing) * Math.sin(angle) * Math.cos(phi),
      Math.cos(angle) - Math.sin(phi) * sin,
    );
    const lon = longitude + (east * 180) / Math.PI;
    if (lon < -180 || lon > 180) return undefined;
    const corner = `${fixed((Math.asin(sin) * 180) / Math.PI)},${fixed(lon)}`;
    if (corner !== corners.at(-1)) corners.push(corner);
  }
  return [...corners, corners[0]].join(' ');
}

/**
 * The area of a rule around or of a station, with geometry where we know it and geocodes where the region is one. Of an
 * municipality whose border is known the border stands; of an area without one the surroundings of its `stations` stand:
 * there it was measured.
 */
export function capArea(
  rule: Pick<Rule, 'area'>,
  station: Station,
  municipality?: { readonly code: string; readonly name: string },
  stations: readonly Station[] = [],
  border?: Border,
): CapArea {
  const geocode: CapPair[] = [];
  const code = municipality?.code ?? station.region;
  if (IBGE_CODE.test(code)) geocode.push({ valueName: 'IBGE', value: code });
  const place = firstText(municipality?.name, station.name, station.region, station.id);
  if (rule.area.kind === 'radius') {
    const km = rule.area.km;
    const polygon = circlePolygon(station.latitude, station.longitude, km);
    return {
      areaDesc: `${place} (${station.id}), ${km} km`,
      polygon: polygon === undefined ? [] : [polygon],
      circle: [`${fixed(station.latitude)},${fixed(station.longitude)} ${Math.max(0, km)}`],
      geocode,
    };
  }
  if (border && (rule.area.kind === 'region' || stations.length > 0))
    return { areaDesc: place, polygon: border.polygons.map(ringText), circle: [], geocode };
  // An area bears its own name; of a station rule only the name of the area around it is known.
  const isStation = stations.length === 0;
  const areaDesc = rule.area.kind === 'named' && isStation ? firstText(rule.area.name, place) : place;
  return { areaDesc, polygon: [], circle: stations.slice(0, MAX_CIRCLES).map(aroundStation), geocode };
}

/** The area that a person gave the alert: around its station, or a ring of its own. */
export function editedArea(
  area: EditedArea,
  station: Station,
  municipality?: { readonly code: string; readonly name: string },
): CapArea {
  if ('radiusKm' in area)
    return capArea({ area: { kind: 'radius', km: area.radiusKm } }, station, municipality);
  const corners = area.polygon.map(([latitude, longitude]) => `${fixed(latitude)},${fixed(longitude)}`);
  return {
    areaDesc: firstText(area.name, station.name, station.id),
    polygon: [[...corners, corners[0]].join(' ')],
    circle: [],
    geocode: [],
  };
}

/** 5 decimals, the grid of the import: fewer could make a narrow ring cross itself. */
const ringText = (ring: Border['polygons'][number]): string =>
  ring.map(([latitude, longitude]) => `${latitude.toFixed(5)},${longitude.toFixed(5)}`).join(' ');

const aroundStation = ({ latitude, longitude }: Station): string =>
  `${fixed(latitude)},${fixed(longitude)} ${STATION_KM}`;

const firstText = (...texts: readonly (string | undefined)[]): string =>
  texts.find((text) => text !== undefined && text.trim() !== '')?.trim() ?? '-';
