const MAX_VALUES = 10_000;
const ITEM = /^(?:(_)|(-?\d{1,9}(?:\.\d{1,6})?))(?:x(\d{1,5}))?$/;

/**
 * Reads the notation of rule tests: values between spaces, `_` = no report, `0x5` = five zeros, `_x3` = three gaps.
 * At most 10,000 values; `message` says what could not be read.
 */
export function parseSeries(text: string): { values: (number | null)[]; message?: string } {
  const values: (number | null)[] = [];
  for (const item of text.split(/\s+/).filter((part) => part !== '')) {
    const [, gap, number, times] = ITEM.exec(item) ?? [];
    const repeat = Number(times ?? 1);
    if ((gap === undefined && number === undefined) || repeat === 0) {
      return {
        values,
        message: `"${item.slice(0, 40)}" cannot be read; write 12.4, 0x5 (five zeros), _ (no report) or _x3`,
      };
    }
    if (values.length + repeat > MAX_VALUES) return { values, message: `more than ${MAX_VALUES} values` };
    for (let i = 0; i < repeat; i += 1) values.push(gap === undefined ? Number(number) : null);
  }
  return values.length === 0 ? { values, message: 'has no values' } : { values };
}
