import { feature, type merge, mesh } from 'topojson-client';
import data from './south-america.json';

type Topology = Parameters<typeof mesh>[0];
type GeometryCollection = Extract<Parameters<typeof merge>[1], { type: 'GeometryCollection' }>;

/** Natural Earth outlines as GeoJSON, cut once when the page loads (README.md beside this file names the source). */
const topology = data as unknown as Topology & {
  objects: Record<'countries' | 'states' | 'lakes', GeometryCollection>;
};
const { countries, states, lakes } = topology.objects;

/** ISO 3166 codes of two letters, for names in the reader's language. */
const codes: Readonly<Record<string, string>> = {
  ARG: 'AR',
  BOL: 'BO',
  CHL: 'CL',
  COL: 'CO',
  ECU: 'EC',
  GUY: 'GY',
  PER: 'PE',
  PRY: 'PY',
  SUR: 'SR',
  URY: 'UY',
  VEN: 'VE',
};

const shapes = ({ geometries }: GeometryCollection) =>
  geometries.map((geometry) => ({ id: String(geometry.id), shape: feature(topology, geometry) }));

export const outline = {
  /** States of Brazil (no `country`) and the countries around it. */
  places: [
    ...shapes(states).map((place) => ({ ...place, country: null })),
    ...shapes(countries).flatMap((place) =>
      codes[place.id] ? [{ ...place, country: codes[place.id] ?? null }] : [],
    ),
  ],
  land: feature(topology, countries),
  lakes: feature(topology, lakes),
  stateBorders: mesh(topology, states, (a, b) => a !== b),
  countryBorders: mesh(topology, countries, (a, b) => a !== b),
  coast: mesh(topology, countries, (a, b) => a === b),
};
