import { isAccepting, quantityOf } from './accepted-series.ts';
import type { ReadingSeries } from './series.ts';

/**
 * The series of a station by quantity, in the order in which they came. Few names, so a list of them is enough, which
 * all stations with the same first report share: a map for each station would take more memory than its series.
 */
export class SeriesTable implements Iterable<readonly [string, ReadingSeries]> {
  #names: readonly string[] = [];
  #list: readonly ReadingSeries[] = [];
  /** Who knows the suspect readings of the station. */
  suspects: { accepted(quantity: string, good: ReadingSeries): ReadingSeries } | null = null;

  /** Parallel to {@link values}. */
  get names(): readonly string[] {
    return this.#names;
  }

  get size(): number {
    return this.#list.length;
  }

  /** The series of a quantity; by its accepting name the one with suspect readings in it, where there are any. */
  get(name: string): ReadingSeries | undefined {
    const i = this.#names.indexOf(name);
    if (i >= 0) return this.#list[i];
    if (!isAccepting(name)) return undefined;
    const quantity = quantityOf(name);
    const good = this.get(quantity);
    return good && this.suspects ? this.suspects.accepted(quantity, good) : good;
  }

  values(): readonly ReadingSeries[] {
    return this.#list;
  }

  *[Symbol.iterator](): Iterator<readonly [string, ReadingSeries]> {
    for (let i = 0; i < this.#names.length; i++)
      yield [this.#names[i] as string, this.#list[i] as ReadingSeries];
  }

  /** Takes the series of a first report; both lists stay as they are. */
  begin(names: readonly string[], list: readonly ReadingSeries[]): void {
    this.#names = names;
    this.#list = list;
  }

  /** Adds a series of a quantity that has none. */
  add(quantity: string, series: ReadingSeries): void {
    this.#names = [...this.#names, quantity];
    this.#list = [...this.#list, series];
  }
}

/** Where the series of a station are looked up. */
export type SeriesByQuantity = Pick<ReadonlyMap<string, ReadingSeries>, 'get'>;
