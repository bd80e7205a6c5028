import { feature, mesh } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import data from './south-america.json';

/** Natural Earth outlines as GeoJSON, cut once when the page loads (README.md beside this file names the source). */
const topology = data as unknown as Topology<Record<'countries' | 'states' | 'lakes', GeometryCollection>>;
const { countries, states, lakes } = topology.objects;

export const outline = {
  land: feature(topology, countries),
  lakes: feature(topology, lakes),
  stateBorders: mesh(topology, states, (a, b) => a !== b),
  countryBorders: mesh(topology, countries, (a, b) => a !== b),
  coast: mesh(topology, countries, (a, b) => a === b),
};
