import { join } from 'node:path';
import { AtalaiaError } from '../lib/errors.ts';
import { askDuckdb } from '../store/archive/duckdb/question.ts';
import { askPostgresql } from '../store/archive/postgresql/question.ts';
import type { SqlAnswer, SqlQuestion } from '../store/archive/question.ts';
import type { Config } from './config/schema.ts';
import { textOf } from './config/secrets.ts';

/** A question to the archive of a configuration, or to the files of a lake. */
export function askArchive(
  place: { readonly lake: string } | { readonly config: Config },
  question: SqlQuestion,
): Promise<SqlAnswer> {
  if ('lake' in place) return askDuckdb(place, question);
  const { data, store } = place.config;
  if (store.kind === 'embedded') return askDuckdb({ file: join(data, 'archive.duckdb') }, question);
  if (store.shards)
    throw new AtalaiaError(
      'ATL_USAGE',
      'An archive of several shards is asked through its lake (--lake DIR), or one shard at a time by a configuration with store.url.',
    );
  const url = textOf(store.readUrl ?? store.url);
  return askPostgresql({ url, schema: `${store.schema}_archive` }, question);
}
