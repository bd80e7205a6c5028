import type { ObservedEvent } from '../../model/observed-event.ts';
import { eventKinds } from '../../model/observed-event.ts';
import { quantities } from '../../model/quantity.ts';
import type { Station } from '../../model/station.ts';
import { DAY_MS, formatInstant, HOUR_MS } from '../../model/time.ts';
import { distanceM } from '../../quality/spatial.ts';
import { hourValues, naturalMeasure } from '../../statistics/hours.ts';
import { rowsOf } from '../../store/archive/aggregates.ts';
import type { Archive } from '../../store/archive/archive.ts';
import type { ApiDeps } from '../deps.ts';
import { shown } from '../statistics/input.ts';

/** The nearest stations are asked, no farther away than this. */
const MOST_STATIONS = 5;
const FARTHEST_KM = 100;
/** Weather before the event counts, too: rain of the day before. */
const BEFORE_MS = DAY_MS;
const LONGEST_MS = 10 * DAY_MS;

/** A station, and how far from the event it is; 0 km inside an area. */
interface Near {
  readonly station: Station;
  readonly km: number;
}

function stationsNear({ place }: ObservedEvent, deps: Pick<ApiDeps, 'stations' | 'areas'>): Near[] {
  if (!('area' in place))
    return deps
      .stations()
      .map((station) => ({ station, km: distanceM(station, place) / 1000 }))
      .filter(({ km }) => km <= FARTHEST_KM)
      .sort((a, b) => a.km - b.km)
      .slice(0, MOST_STATIONS);
  const named = deps.areas?.().find(({ id }) => id === place.area);
  const isIn = ({ id, region }: Station): boolean => named?.stations.includes(id) ?? region === place.area;
  const inside = deps.stations().filter(isIn);
  return inside.slice(0, MOST_STATIONS).map((station) => ({ station, km: 0 }));
}

/** The hours of one quantity in the span of an event: their total where it adds up, and the worst of them. */
function maximumOf(quantity: string, hours: ReturnType<typeof rowsOf>, hourCount: number): object {
  const measure = naturalMeasure(quantity);
  const values = hourValues(hours, measure);
  const sum = values.reduce((total, value) => total + value, 0);
  const worst = quantity === 'relativeHumidity' ? hours.min : measure === 'mean' ? hours.max : values;
  const sign = quantity === 'relativeHumidity' ? -1 : 1;
  let at = 0;
  for (let i = 1; i < worst.length; i++)
    if (sign * (worst[i] as number) > sign * (worst[at] as number)) at = i;
  const covered = hours.coveredMs.reduce((total, ms) => total + ms, 0);
  return {
    ...{ quantity, unit: quantities.get(quantity)?.unit ?? '', hours: worst.length },
    worstHour: worst.length === 0 ? null : shown(worst[at]),
    at: worst.length === 0 ? null : formatInstant((hours.at[at] as number) + HOUR_MS),
    ...(measure === 'sum' ? { total: worst.length === 0 ? null : shown(sum) } : {}),
    ...(covered > 0 ? { missing: shown(Math.max(0, 1 - covered / (hourCount * HOUR_MS))) } : {}),
  };
}

/** What the stations nearest to an event measured from a day before it to its end. Instants in the answer are text. */
export async function seenAt(
  event: ObservedEvent,
  deps: Pick<ApiDeps, 'stations' | 'areas'> & { readonly archive: Archive },
): Promise<readonly object[]> {
  const near = stationsNear(event, deps);
  const from = Math.floor((event.from - BEFORE_MS) / HOUR_MS) * HOUR_MS;
  const to = Math.ceil(Math.min(event.to, event.from + LONGEST_MS) / HOUR_MS) * HOUR_MS;
  const stations = near.map(({ station }) => station.id);
  const hourCount = (to - from) / HOUR_MS;
  const seen: object[][] = near.map(() => []);
  for (const quantity of eventKinds.get(event.hazard)?.seenIn ?? []) {
    const asked = { stations, quantity, from, to, by: 'hour', limit: 10_000 } as const;
    const found = await deps.archive.aggregates(asked);
    for (const [i, values] of seen.entries()) {
      const hours = rowsOf(found, i);
      if (hours.at.length > 0) values.push(maximumOf(quantity, hours, hourCount));
    }
  }
  return near.map(({ station: { id, name }, km }, i) => ({
    ...{ station: id, name, km: Math.round(km * 10) / 10 },
    values: seen[i],
  }));
}
