/** Axes: pure functions from data to pixels and round numbers. */
export interface Scale {
  (value: number): number;
  readonly domain: readonly [number, number];
}

/** Linear from `domain` to `range`; an empty domain maps to the start of the range. */
export function linear(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const width = domain[1] - domain[0];
  const map = (value: number): number =>
    width === 0 ? range[0] : range[0] + ((value - domain[0]) / width) * (range[1] - range[0]);
  return Object.assign(map, { domain });
}

/** About `count` round numbers (1, 2, 4, 5 times a power of ten) that lie in `[low, high]`. */
export function ticks(low: number, high: number, count: number): number[] {
  if (!(high > low) || count < 1) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (([1, 2, 4, 5, 10] as const).find((factor) => factor * power >= rough * 0.999) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** The top of an axis that shows `value` with head room: the next tick above it. */
export function niceTop(value: number, count: number): number {
  if (value <= 0) return 1;
  const step = ticks(0, value, count)[1] ?? value;
  return Math.ceil((value * 1.02) / step) * step;
}

export interface TimeTick {
  readonly at: number;
  readonly isDay: boolean;
}

/** Offset of `timeZone` from UTC at an instant, ms. */
export function zoneOffset(at: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(at);
  const get = (type: string): number => Number(parts.find((part) => part.type === type)?.value ?? 0);
  const local = Date.UTC(
    get('year'),
    get('month') - 1,
    get('day'),
    get('hour'),
    get('minute'),
    get('second'),
  );
  return local - Math.floor(at / 1000) * 1000;
}

/** Instants at whole local hours (each `everyHours`, counted from local midnight) in `[from, to]`. */
export function timeTicks(from: number, to: number, everyHours: number, timeZone: string): TimeTick[] {
  const hour = 3_600_000;
  const found: TimeTick[] = [];
  for (let at = Math.ceil(from / hour) * hour; at <= to; at += hour) {
    const local = Math.floor((at + zoneOffset(at, timeZone)) / hour);
    const ofDay = ((local % 24) + 24) % 24;
    if (
      everyHours >= 24
        ? ofDay === 0 && Math.floor(local / 24) % (everyHours / 24) === 0
        : ofDay % everyHours === 0
    )
      found.push({ at, isDay: ofDay === 0 });
  }
  return found;
}
