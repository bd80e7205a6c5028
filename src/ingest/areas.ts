import type { Area } from '../model/area.ts';
import type { Text } from '../model/language.ts';
import type { Station } from '../model/station.ts';
import { NodeReader } from '../rules/node-reader.ts';
import { locate } from '../rules/problem.ts';
import { readYaml, type YamlNode } from '../rules/yaml.ts';
import { nearestName } from './nearest.ts';

const KEYS = ['id', 'name', 'region', 'stations'] as const;
const MAX_AREAS = 10_000;
const MAX_STATIONS = 10_000;
const ID = /^[A-Za-z0-9._:-]{1,64}$/;

export interface AreaList {
  readonly areas: readonly Area[];
  /** Sentences with file, line and column; empty when all is well. */
  readonly problems: readonly string[];
}

/**
 * Reads named areas from YAML or JSON: a list of `{ id, name, region, stations: [...] }`, or a map with the one key
 * `areas` that holds it. `name` is a text or a text per language and may be left out (the id stands for it); `region`
 * is the area's home, and may be left out where the registry is given: then it is the region of its first known station.
 * Areas with a flaw are left out and named.
 * @param file the name for messages
 * @param registry the stations known; without them no station and no region is looked up
 */
export function parseAreas(text: string, file: string, registry?: Iterable<Station>): AreaList {
  const { root, flaws } = readYaml(text);
  const reader = new AreasReader(registry);
  const areas = root ? reader.list(root) : [];
  const problems = locate(file, text, [...flaws, ...reader.flaws]).map(
    ({ line, column, message }) => `${file}, line ${line}, column ${column}: ${message}`,
  );
  return { areas, problems };
}

class AreasReader extends NodeReader {
  readonly #stations: ReadonlyMap<string, Station> | null;
  readonly #regions: ReadonlySet<string>;
  readonly #ids = new Set<string>();

  constructor(registry: Iterable<Station> | undefined) {
    super();
    const stations = registry && new Map([...registry].map((station) => [station.id, station]));
    this.#stations = stations ?? null;
    this.#regions = new Set([...(stations?.values() ?? [])].map(({ region }) => region));
  }

  list(root: YamlNode): Area[] {
    let node = root;
    if (root.kind === 'map') {
      const inner = this.map(root, 'the file', ['areas'], ['areas'])('areas');
      if (!inner) return [];
      node = inner;
    }
    if (node.kind === 'scalar' && node.value === null) {
      this.flaw(
        node.offset,
        'no area is given; write a list: - { id: …, region: …, stations: [A801, A802] }',
      );
      return [];
    }
    const items = this.items(node, 'the areas');
    if (items.length > MAX_AREAS) {
      this.flaw(node.offset, `more than ${MAX_AREAS} areas; split the network`);
      return [];
    }
    return items.flatMap((item) => this.#area(item) ?? []);
  }

  #area(node: YamlNode): Area | undefined {
    const before = this.flaws.length;
    const read = this.map(node, 'an area', KEYS, ['id', 'stations']);
    const id = this.#id(read('id'));
    const stations = this.#members(read('stations'), id ?? 'the area');
    const region = this.#region(read('region'), node, stations);
    const name = this.#name(read('name'));
    return this.flaws.length > before || id === undefined || region === undefined || stations.length === 0
      ? undefined
      : { id, name: name ?? id, region, stations };
  }

  #id(node: YamlNode | undefined): string | undefined {
    const id = this.text(node, 'id');
    if (node === undefined || id === undefined) return undefined;
    if (!ID.test(id))
      return this.flaw(node.offset, `id: "${id.slice(0, 64)}" must be 1 to 64 letters, digits or . _ : -`);
    if (this.#ids.has(id)) return this.flaw(node.offset, `the area ${id} stands twice; keep one`);
    this.#ids.add(id);
    if (this.#regions.has(id))
      return this.flaw(
        node.offset,
        `id: ${id} is the code of a region, and every region is an area by itself; choose another id, such as ${id}-basin`,
      );
    return id;
  }

  #name(node: YamlNode | undefined): Text | string | undefined {
    return node?.kind === 'map' ? this.texts(node, 'name') : this.text(node, 'name', 200);
  }

  #region(node: YamlNode | undefined, area: YamlNode, stations: readonly string[]): string | undefined {
    if (node === undefined) {
      // Where none is known, the list of stations is what is wrong.
      if (this.#stations || stations.length === 0)
        return stations.map((id) => this.#stations?.get(id)?.region).find((one) => one !== undefined);
      return this.flaw(area.offset, 'an area lacks the key "region": the region that is its home');
    }
    const region = this.text(node, 'region', 64);
    if (region !== undefined && this.#stations && !this.#regions.has(region)) {
      const near = nearestName(region, this.#regions);
      return this.flaw(
        node.offset,
        `region: no station of the registry is in ${region}${near ? `; did you mean ${near}?` : '; give the region of one of its stations'}`,
      );
    }
    return region;
  }

  #members(node: YamlNode | undefined, area: string): string[] {
    if (node === undefined) return [];
    if (node.kind !== 'list') {
      this.flaw(node.offset, 'stations must be a list of station ids: [A801, A802]');
      return [];
    }
    if (node.items.length === 0)
      this.flaw(node.offset, `${area} lists no station; an area without stations can never raise an alert`);
    if (node.items.length > MAX_STATIONS) {
      this.flaw(node.offset, `${area} lists more than ${MAX_STATIONS} stations; split it`);
      return [];
    }
    const members = new Set<string>();
    for (const item of node.items) {
      const id = this.text(item, 'a station id', 64);
      if (id === undefined) continue;
      if (members.has(id)) this.flaw(item.offset, `${area} lists station ${id} twice; keep one`);
      members.add(id);
      if (!this.#stations || this.#stations.has(id)) continue;
      const near = nearestName(id, this.#stations.keys());
      const remedy = near ? `did you mean ${near}?` : 'add it to the registry, or take it out of the area';
      this.flaw(item.offset, `${area} lists station ${id}, which is not in the registry; ${remedy}`);
    }
    return [...members];
  }
}
