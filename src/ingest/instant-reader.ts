const MINUTE_LENGTH = 16;
/** Bytes of an instant up to its fraction or zone. */
export const INSTANT_LENGTH = 19;

/** Reads `YYYY-MM-DDThh:mm:ss` as UTC; remembers the last day and the last minute. */
export class InstantReader {
  /** Bytes of the last minute, by fours, and its epoch ms. */
  readonly #minute = new Int32Array(MINUTE_LENGTH / 4);
  #minuteAt = Number.NaN;
  #day = -1;
  #dayAt = Number.NaN;

  /** Epoch ms; NaN for any other form, which the strict path may know. The view must hold one byte more. */
  read(view: DataView, at: number): number {
    const tail = view.getInt32(at + MINUTE_LENGTH, true);
    // ":ss" and the byte after, the first lowest.
    if ((tail & 0xff) !== 58) return Number.NaN;
    const tens = ((tail >> 8) & 0xff) - 48;
    const ones = ((tail >> 16) & 0xff) - 48;
    if (tens < 0 || tens > 5 || ones < 0 || ones > 9) return Number.NaN;
    const minute = this.#minute;
    if (
      view.getInt32(at, true) !== minute[0] ||
      view.getInt32(at + 4, true) !== minute[1] ||
      view.getInt32(at + 8, true) !== minute[2] ||
      view.getInt32(at + 12, true) !== minute[3]
    ) {
      this.#minuteAt = this.#readMinute(view, at);
      for (let i = 0; i < minute.length; i++) minute[i] = view.getInt32(at + 4 * i, true);
    }
    return this.#minuteAt + (tens * 10 + ones) * 1000;
  }

  #readMinute(view: DataView, at: number): number {
    const isMarked =
      view.getUint8(at + 4) === 45 &&
      view.getUint8(at + 7) === 45 &&
      view.getUint8(at + 10) === 84 &&
      view.getUint8(at + 13) === 58;
    const hour = twoDigits(view, at + 11);
    const minute = twoDigits(view, at + 14);
    if (!isMarked || !(hour < 24) || !(minute < 60)) return Number.NaN;
    const year = twoDigits(view, at) * 100 + twoDigits(view, at + 2);
    return (
      this.#readDay(year, twoDigits(view, at + 5), twoDigits(view, at + 8)) + (hour * 60 + minute) * 60_000
    );
  }

  /** Epoch ms of a day, NaN when it is not in the calendar. */
  #readDay(year: number, month: number, day: number): number {
    const key = (year * 100 + month) * 100 + day;
    if (key !== this.#day) {
      const date = new Date(Date.UTC(year, month - 1, day));
      const isDay = year >= 1000 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
      this.#dayAt = isDay ? date.getTime() : Number.NaN;
      this.#day = key;
    }
    return this.#dayAt;
  }
}

function twoDigits(view: DataView, at: number): number {
  const tens = view.getUint8(at) - 48;
  const ones = view.getUint8(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}
