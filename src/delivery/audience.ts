import { type Level, levelNames } from '../model/rule.ts';
import type { Shape } from '../model/shape.ts';
import { operatorHazards } from '../rules/hazard.ts';
import type { Receiver } from '../store/ledger/receivers.ts';
import type { StoredRevision } from '../store/ledger/stored-revision.ts';
import { isSelf } from '../store/ledger/subscribers.ts';
import { type Box, boxOf, meet, touches } from './geometry.ts';

const rank = (level: Level): number => levelNames.indexOf(level);

/** Where a revision is: ids and codes of its subject and regions, and its area on the ground. */
export interface Whereabouts {
  readonly codes: readonly string[];
  readonly shapes: readonly Shape[];
}

/** Side of a cell, degrees. */
const CELL = 0.5;
/** A place that covers more cells than this is asked every time. */
const MAX_CELLS = 256;

interface Place {
  readonly box: Box;
  readonly shape: Shape;
  readonly index: number;
}

/** Finds who is told of a revision without asking every subscription. */
export type Audience = (
  stored: StoredRevision,
  where: Whereabouts,
  told: ReadonlySet<string>,
) => readonly Receiver[];

/**
 * Who is told of a revision: the subscriptions of its area whose level it reaches, and everybody who was told of the
 * alert before, so that a lower level and the end reach them too. An end is told to nobody who never heard of the alert.
 * What only operators are told reaches nobody who subscribed themselves. Subscriptions by code are found in a table, places on the ground in a grid; the answer is in the order given.
 */
export function createAudience(subscriptions: readonly Receiver[]): Audience {
  const everywhere: number[] = [];
  const byCode = new Map<string, number[]>();
  const byId = new Map<string, number>();
  const grid = createGrid();
  for (const [index, { id, areas, places }] of subscriptions.entries()) {
    byId.set(id, index);
    if (areas === 'all') everywhere.push(index);
    else for (const code of areas) push(byCode, code, index);
    for (const shape of places ?? []) grid.add({ box: boxOf(shape), shape, index });
  }
  return ({ revision: { event } }, { codes, shapes }, told) => {
    const found = new Set<number>(everywhere);
    for (const code of codes) for (const index of byCode.get(code) ?? []) found.add(index);
    for (const shape of shapes) grid.find(shape, found);
    const isWanted = (one: Receiver): boolean =>
      event.event !== 'ended' &&
      !(isSelf(one.id) && operatorHazards.has(event.hazard)) &&
      rank(event.level) >= rank(one.level) &&
      (one.hazards?.includes(event.hazard) ?? true);
    const chosen = [...found].filter((index) => isWanted(subscriptions[index] as Receiver));
    const before = [...told].flatMap((id) => byId.get(id) ?? []);
    return [...new Set([...chosen, ...before])]
      .sort((a, b) => a - b)
      .map((index) => subscriptions[index] as Receiver);
  };
}

function push<K>(map: Map<K, number[]>, key: K, index: number): void {
  const row = map.get(key);
  if (row) row.push(index);
  else map.set(key, [index]);
}

function createGrid() {
  const places: Place[] = [];
  const cells = new Map<number, number[]>();
  const large: number[] = [];
  return {
    add(place: Place): void {
      const number = places.push(place) - 1;
      const keys = cellsOf(place.box);
      if (keys === undefined) large.push(number);
      else for (const key of keys) push(cells, key, number);
    },
    /** Adds the subscriptions of which a place touches the shape. */
    find(shape: Shape, found: Set<number>): void {
      const box = boxOf(shape);
      const keys = cellsOf(box);
      const near =
        keys === undefined
          ? new Set(places.keys())
          : new Set([...large, ...keys.flatMap((key) => cells.get(key) ?? [])]);
      for (const number of near) {
        const place = places[number] as Place;
        if (!found.has(place.index) && meet(place.box, box) && touches(place.shape, shape))
          found.add(place.index);
      }
    },
  };
}

/** Keys of the cells that a box meets; undefined when they are too many. */
function cellsOf({ south, north, west, east }: Box): number[] | undefined {
  const [y0, y1, x0, x1] = [south, north, west, east].map((degrees) => Math.floor(degrees / CELL)) as [
    number,
    number,
    number,
    number,
  ];
  if ((y1 - y0 + 1) * (x1 - x0 + 1) > MAX_CELLS) return undefined;
  const keys: number[] = [];
  for (let y = y0; y <= y1; y++) for (let x = x0; x <= x1; x++) keys.push(y * 10_000 + x);
  return keys;
}
