import type { CapPair } from '../message.ts';
import { MAX_BYTES } from './decode.ts';
import type { ReadAlert, ReadArea } from './message.ts';
import type { Finding } from './verdict.ts';

/** The alerts of a document of the National Weather Service of the United States, and what was passed over. */
export interface GeoJsonReading {
  readonly findings: readonly Finding[];
  readonly alerts: readonly ReadAlert[];
}

/** Alerts of one document; in storms some 2,000 are in force in the whole country. */
const MAX_FEATURES = 5000;
const MAX_REFERENCES = 1000;
const MAX_POSITIONS = 200_000;
const MAX_PAIRS = 2000;

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const list = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];

/** Whether bytes are JSON by their first character that is no blank. */
export const isJson = (bytes: Uint8Array): boolean =>
  /^[\ufeff\s]*[{[]/.test(new TextDecoder().decode(bytes.subarray(0, 200)));

/**
 * Reads GeoJSON of `api.weather.gov/alerts`: a collection, or one alert, with the members of CAP in `properties`. An alert
 * for zones has no geometry; its UGC and SAME codes stand as geocodes. Never throws for what the bytes are.
 */
export function readGeoJson(bytes: Uint8Array): GeoJsonReading {
  if (bytes.length > MAX_BYTES)
    return { findings: [found('reject-security', `larger than ${MAX_BYTES} bytes`)], alerts: [] };
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return { findings: [found('reject-malformed', 'no JSON in UTF-8')], alerts: [] };
  }
  const features = isFields(document)
    ? document.type === 'FeatureCollection'
      ? list(document.features)
      : document.type === 'Feature'
        ? [document]
        : undefined
    : undefined;
  if (features === undefined)
    return { findings: [found('reject-schema', 'JSON that is no GeoJSON of alerts')], alerts: [] };
  const findings: Finding[] = [];
  if (features.length > MAX_FEATURES)
    findings.push(found('accept-warn', `${features.length} alerts, only the first ${MAX_FEATURES} are read`));
  const alerts = features.slice(0, MAX_FEATURES).flatMap((feature) => {
    const alert = readFeature(feature);
    return alert === undefined ? [] : [alert];
  });
  const lost = Math.min(features.length, MAX_FEATURES) - alerts.length;
  if (lost > 0) findings.push(found('accept-warn', `${lost} features without id, sender or sent`));
  return { findings, alerts };
}

const found = (verdict: Finding['verdict'], reason: string): Finding => ({
  verdict,
  clause: 'RFC 7946',
  reason,
});

function readFeature(feature: unknown): ReadAlert | undefined {
  if (!isFields(feature) || !isFields(feature.properties)) return undefined;
  const at = feature.properties;
  if (text(at.id) === '' || text(at.sender) === '' || text(at.sent) === '') return undefined;
  const references = list(at.references)
    .slice(0, MAX_REFERENCES)
    .filter(isFields)
    .map((one) => `${text(one.sender)},${text(one.identifier)},${text(one.sent)}`);
  const optional = (name: string, value = text(at[name])): Fields => (value === '' ? {} : { [name]: value });
  return {
    version: '1.2',
    identifier: text(at.id),
    sender: text(at.sender),
    sent: text(at.sent),
    status: text(at.status),
    msgType: text(at.messageType),
    scope: text(at.scope) || 'Public',
    ...(references.length === 0 ? {} : { references: references.join(' ') }),
    code: list(at.code).map(text),
    signatureBeforeEnd: false,
    info: [
      {
        language: text(at.language) || 'en-US',
        category: list(at.category).map(text),
        event: text(at.event),
        responseType: list(at.response).map(text),
        urgency: text(at.urgency),
        severity: text(at.severity),
        certainty: text(at.certainty),
        eventCode: pairs(at.eventCode),
        ...optional('effective'),
        ...optional('onset'),
        ...optional('expires'),
        ...optional('senderName'),
        ...optional('headline'),
        ...optional('description'),
        ...optional('instruction'),
        ...optional('web'),
        parameter: pairs(at.parameters),
        resource: [],
        area: [readArea(at, feature.geometry)],
      },
    ],
  };
}

function readArea(at: Fields, geometry: unknown): ReadArea {
  return {
    areaDesc: text(at.areaDesc),
    polygon: polygons(geometry),
    circle: [],
    geocode: pairs(at.geocode),
  };
}

/** `{name: [value, …]}` as pairs of CAP. */
const pairs = (value: unknown): readonly CapPair[] =>
  isFields(value)
    ? Object.entries(value)
        .flatMap(([valueName, values]) => list(values).map((one) => ({ valueName, value: text(one) })))
        .slice(0, MAX_PAIRS)
    : [];

/** Outer rings as CAP writes them, latitude first; a hole has no form in CAP, so its area counts as warned. */
function polygons(geometry: unknown): readonly string[] {
  if (!isFields(geometry)) return [];
  const shapes =
    geometry.type === 'Polygon'
      ? [geometry.coordinates]
      : geometry.type === 'MultiPolygon'
        ? list(geometry.coordinates)
        : [];
  let left = MAX_POSITIONS;
  return shapes.flatMap((shape) => {
    const ring = list(list(shape)[0]);
    left -= ring.length;
    if (ring.length < 4 || left < 0) return [];
    const points = ring.map((position) => {
      const [longitude, latitude] = list(position);
      // Not toString: it may write an exponent, which CAP does not have.
      return typeof longitude === 'number' && typeof latitude === 'number'
        ? `${Number(latitude.toFixed(6))},${Number(longitude.toFixed(6))}`
        : '';
    });
    return points.includes('') ? [] : [points.join(' ')];
  });
}
