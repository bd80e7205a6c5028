import fc from 'fast-check';
import type { Report } from '../model/report.ts';
import type { AggregateName, Condition, Expression, Window } from '../model/rule.ts';
import { HOUR_MS, MINUTE_MS } from '../model/time.ts';
import { station } from './fixture.ts';
import { StationState } from './station-state.ts';

/** Where clocks are put forward or back on the second day of the story, at midnight and elsewhere; and where they are not. */
export const places = [
  { timeZone: 'America/Sao_Paulo', startAt: Date.UTC(2024, 3, 26) },
  { timeZone: 'Europe/Lisbon', startAt: Date.UTC(2024, 2, 30) },
  { timeZone: 'Europe/Lisbon', startAt: Date.UTC(2024, 9, 26) },
  { timeZone: 'America/Santiago', startAt: Date.UTC(2024, 3, 6) },
  { timeZone: 'America/Santiago', startAt: Date.UTC(2024, 8, 7) },
  { timeZone: 'America/Havana', startAt: Date.UTC(2024, 10, 2) },
  { timeZone: 'Asia/Kathmandu', startAt: Date.UTC(2024, 3, 26) },
] as const;

export const kinds: readonly Window[] = [
  { kind: 'sliding', spanMs: HOUR_MS },
  { kind: 'sliding', spanMs: 6 * HOUR_MS },
  { kind: 'tumbling', spanMs: HOUR_MS },
  { kind: 'tumbling', spanMs: 24 * HOUR_MS },
  { kind: 'tumbling', spanMs: 48 * HOUR_MS },
  { kind: 'hopping', spanMs: 3 * HOUR_MS, everyMs: 30 * MINUTE_MS },
  { kind: 'hopping', spanMs: 30 * MINUTE_MS, everyMs: 2 * HOUR_MS },
  { kind: 'hopping', spanMs: 6 * HOUR_MS, everyMs: 24 * HOUR_MS },
  { kind: 'hopping', spanMs: 48 * HOUR_MS, everyMs: 24 * HOUR_MS },
  { kind: 'session', gapMs: 30 * MINUTE_MS },
  { kind: 'session', gapMs: 2 * HOUR_MS },
  { kind: 'count', reports: 3 },
  { kind: 'count', reports: 10 },
  { kind: 'count', reports: 4, tumbling: true },
];

export const names: readonly AggregateName[] = [
  'sum',
  'min',
  'max',
  'avg',
  'count',
  'stddev',
  'median',
  'percentile',
  'last',
  'delta',
  'rate',
  'trend',
  'rise',
];

export const aggregate = (
  name: AggregateName,
  quantity: string,
  window: Window,
  percent?: number,
): Expression & { kind: 'aggregate' } => ({
  kind: 'aggregate',
  name,
  quantity,
  window,
  ...(name === 'percentile' ? { percent: percent ?? 95 } : {}),
  text: '',
});

export const comparison = (
  left: Expression,
  operator: '>=' | '<' | '>',
  value: number,
  unit: string | null = null,
): Condition => ({
  kind: 'comparison',
  operator,
  left,
  right: {
    kind: 'number',
    value,
    unit,
    canonical: { numerator: Math.round(value * 1000), denominator: 1000 },
  },
  text: '',
});

export const sequence = (first: Condition, next: Condition, withinMs: number): Condition => ({
  kind: 'sequence',
  first,
  // biome-ignore lint/suspicious/noThenProperty: the field's name in the rule model.
  then: next,
  withinMs,
  text: '',
});

/** Minutes after the start, interval in minutes, scaled value. */
export const readings = fc.array(
  fc.record({
    minute: fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 0, max: 96 }).map((n) => n * 30) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 2880 }) },
    ),
    interval: fc.oneof(
      { weight: 5, arbitrary: fc.constant(30) },
      { weight: 1, arbitrary: fc.constantFrom(10, 60, 360) },
    ),
    value: fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom(0, 1000, 5000, 20_000) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 90_000 }) },
    ),
  }),
  { minLength: 1, maxLength: 80, size: 'max' },
);
/** Reports in order of arrival; repeats and corrections are readings of one key. */
export const reportsAt = (
  startAt: number,
  list: readonly { readonly minute: number; readonly interval: number; readonly value: number }[],
  quantity: string,
): Report[] =>
  list.map(({ minute, interval, value }) => ({
    station: 'A801',
    observedAt: startAt + minute * MINUTE_MS,
    intervalMs: interval * MINUTE_MS,
    receivedAt: startAt + minute * MINUTE_MS,
    quantities: [quantity],
    values: [value],
  }));

/** Takes reports as the fold does. */
export function take(state: StationState, reports: readonly Report[]): StationState {
  for (const { observedAt, intervalMs, quantities, values } of reports) {
    quantities.forEach((quantity, i) => {
      const series = state.seriesOf(quantity);
      const cover = series.isInterval ? intervalMs : (state.station.intervalMs ?? intervalMs);
      series.insert(observedAt, intervalMs, cover, values[i] as number);
    });
    state.noteReport(observedAt, intervalMs);
  }
  return state;
}

export const stateIn = (timeZone: string, intervalMs: number | null = HOUR_MS): StationState =>
  new StationState({ ...station('A801'), timeZone, intervalMs }, 0);
