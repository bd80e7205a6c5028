import type { z } from 'zod';
import type { Station } from '../../model/station.ts';
import type { Hours } from '../../statistics/hours.ts';

/** What a statistic of one station is made of. */
export interface Given {
  readonly station: Station;
  /** The hours of one of the quantities that it asked for. */
  hours(quantity: string): Hours;
}

/** One row of the table of statistics: `GET /api/v1/statistics/stations/{id}/<path>`. */
export interface Statistic<Query extends z.ZodObject> {
  readonly path: string;
  readonly summary: string;
  readonly query: Query;
  quantities(query: z.output<Query>): readonly string[];
  answer(given: Given, query: z.output<Query>): Promise<object>;
}
