import { csvRows } from '../../ingest/decode/csv.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { levelNames } from '../../model/rule.ts';
import { parseInstant } from '../../model/time.ts';
import type { Occurrence } from '../../statistics/verification-match.ts';

const columns = ['rule', 'subject', 'level', 'from', 'to'];
const MAX_ROWS = 1_000_000;

/**
 * Reads what happened: CSV with the header `rule,subject,level,from,to`. The first bad row ends it: scores against
 * half a truth would mislead.
 * @param ruleIds the rules that are tested; a row of another one is refused, for it could only be a miss
 * @throws AtalaiaError `ATL_INPUT` with file, line and remedy
 */
export function parseTruth(csv: string, file: string, ruleIds: ReadonlySet<string>): Occurrence[] {
  const rows: Occurrence[] = [];
  let isHeader = true;
  for (const { line, fields: raw } of csvRows(csv)) {
    const fields = raw.map((field) => field.trim());
    const bad = (why: string): AtalaiaError => new AtalaiaError('ATL_INPUT', `${file}, line ${line}: ${why}`);
    if (isHeader) {
      if (fields.join() !== columns.join()) throw bad(`the header must be ${columns.join()}.`);
      isHeader = false;
      continue;
    }
    if (fields.length !== columns.length) throw bad(`give ${columns.length} fields: ${columns.join()}.`);
    if (rows.length >= MAX_ROWS) throw bad(`more than ${MAX_ROWS} rows; split the truth by years.`);
    const [rule, subject, levelName, fromText, toText] = fields as [string, string, string, string, string];
    const level = levelNames.find((name) => name === levelName);
    const [from, to] = [parseInstant(fromText), parseInstant(toText)];
    if (!ruleIds.has(rule))
      throw bad(`no rule ${JSON.stringify(rule)} is tested; take the row out or add it.`);
    if (subject === '') throw bad('name the subject, a station or an area.');
    if (level === undefined)
      throw bad(`level ${JSON.stringify(levelName)} is not one of ${levelNames.join(', ')}.`);
    if (from === undefined || to === undefined)
      throw bad('from and to must be instants such as 2024-04-30T06:00:00Z.');
    if (to < from) throw bad('to lies before from; exchange them.');
    rows.push({ rule, subject, level, from, to });
  }
  if (isHeader)
    throw new AtalaiaError('ATL_INPUT', `${file}, line 1: the header ${columns.join()} is missing.`);
  return rows;
}
