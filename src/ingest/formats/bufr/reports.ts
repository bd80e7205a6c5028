import { formatInstant, parseSpan, SECOND_MS } from '../../../model/time.ts';
import type { RawReading, RawReport } from '../../decode/report.ts';
import { type Profile, type StationHint, stationOf } from '../format.ts';
import type { Candidate, Subset } from './subset.ts';
import type { Value } from './values.ts';

/** Issuer of the identifiers of stations that have a number of the WMO (Manual on WIGOS, WMO-No. 1160, attachment 2.1). */
const BY_NUMBER = '0-20000-0-';
const USUAL = 'PT1H';

type Said = Subset['said'];

/** Reports of a subset: one for each span that its amounts cover, that of instants last, for a station is paced by it. */
export function reportsOf(
  subset: Subset,
  profile: Profile,
): {
  readonly reports: readonly RawReport[];
  readonly ignored: ReadonlyMap<string, string>;
  readonly hint?: StationHint;
} {
  const ignored = new Map(subset.ignored);
  const main = profile.interval ?? USUAL;
  const groups = new Map<string, RawReading[]>();
  for (const { reading, value, spanMs } of chosen(subset.candidates, profile, ignored)) {
    const isInstant = reading.over === 'instant' || reading.over === 'average';
    const interval =
      isInstant || spanMs === undefined || spanMs === parseSpan(main) ? main : `PT${spanMs / SECOND_MS}S`;
    const group = groups.get(interval) ?? [];
    groups.set(interval, group);
    group.push({
      quantity: reading.quantity,
      value,
      unit: reading.unit,
    });
  }
  const name = nameOf(subset.said);
  const station = name === undefined ? undefined : stationOf('bufr', name, profile);
  const observedAt = timeOf(subset.said);
  const ordered = [...groups].sort(([a], [b]) => Number(a === main) - Number(b === main));
  const reports = ordered.map(([interval, readings]) => ({ station, observedAt, interval, readings }));
  return { reports, ignored, ...(station === undefined ? {} : { hint: hintOf(station, subset.said) }) };
}

/**
 * One candidate for each quantity: of amounts the one of the shortest span, for those of longer ones hold it too; of
 * instants the first one that stands under no period.
 */
function chosen(
  candidates: readonly Candidate[],
  profile: Profile,
  ignored: Map<string, string>,
): readonly Candidate[] {
  const byQuantity = Map.groupBy(candidates, ({ reading }) => reading.quantity);
  const kept: Candidate[] = [];
  for (const [quantity, all] of byQuantity) {
    const usable = all.filter(({ path, reading, spanMs }) => {
      const isLost = reading.over === 'period' && spanMs === undefined && profile.interval === undefined;
      if (isLost) ignored.set(path, 'its period is not told; name one in the source (interval: PT1H)');
      return !isLost;
    });
    const plain = usable.filter(({ isDisplaced }) => !isDisplaced);
    if (plain.length === 0 && usable.length > 1) {
      for (const { path } of usable) ignored.set(path, 'it comes several times, each for another time');
      continue;
    }
    const from = plain.length > 0 ? plain : usable;
    const span = (one: Candidate): number => one.spanMs ?? 0;
    const best = from.reduce<Candidate | undefined>((a, b) => (a && span(a) <= span(b) ? a : b), undefined);
    if (best === undefined) continue;
    kept.push(best);
    for (const one of usable)
      if (one !== best && one.path !== best.path)
        ignored.set(one.path, `${quantity} is taken from ${best.path}`);
      else if (one !== best)
        ignored.set(`${one.path} (repeated)`, `${quantity} is taken from another place or period`);
  }
  return withoutCalm(kept);
}

/** A calm has no direction: both are zero then. */
function withoutCalm(kept: readonly Candidate[]): readonly Candidate[] {
  const isCalm = kept.some(({ reading, value }) => reading.quantity === 'windSpeed' && value === 0);
  return isCalm
    ? kept.filter(({ reading, value }) => reading.quantity !== 'windDirection' || value !== 0)
    : kept;
}

/** WIGOS identifier, or the one that a WMO number stands for; undefined when there is neither. */
function nameOf(said: Said): string | undefined {
  const local = said.get(1128);
  const parts = [1125, 1126, 1127].map((id) => said.get(id));
  if (typeof local === 'string' && local !== '' && !parts.includes(undefined))
    return [...parts, local].join('-');
  const [block, number] = [said.get(1001), said.get(1002)];
  if (block === undefined || number === undefined) return undefined;
  return `${BY_NUMBER}${String(block).padStart(2, '0')}${String(number).padStart(3, '0')}`;
}

/** RFC 3339, or what there is of a time that is none, which every door refuses with that text. */
function timeOf(said: Said): string {
  const parts: readonly Value[] = [4001, 4002, 4003, 4004, 4005].map((id) => said.get(id));
  const [year = Number.NaN, month = 0, day = 0, hour = Number.NaN, minute = Number.NaN] = parts.map(Number);
  const second = Math.floor(Number(said.get(4006) ?? 0));
  const at = parts.includes(undefined) ? Number.NaN : Date.UTC(year, month - 1, day, hour, minute, second);
  const isReal =
    Number.isFinite(at) && new Date(at).getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  return isReal ? formatInstant(at) : `${parts.map((part) => part ?? '?').join(' ')}`;
}

function hintOf(station: string, said: Said): StationHint {
  const number = (...ids: number[]): number | undefined =>
    ids.map((id) => said.get(id)).find((value) => typeof value === 'number');
  const [latitude, longitude, altitude] = [number(5001, 5002), number(6001, 6002), number(7030, 7001)];
  const name = [1019, 1015, 1018]
    .map((id) => said.get(id))
    .find((text) => typeof text === 'string' && text !== '');
  return {
    station,
    ...(typeof name === 'string' ? { name } : {}),
    ...(latitude === undefined || longitude === undefined ? {} : { latitude, longitude }),
    ...(altitude === undefined ? {} : { altitude }),
  };
}
