import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openCapReader } from './reader.ts';
import { verdicts } from './verdict.ts';

// The public corpus of CAP messages beside the repository: every file of its index, with the verdict expected.

const corpus = new URL('../../../../../shared/data/cap/', import.meta.url);
const isThere = existsSync(new URL('index.tsv', corpus));
if (!isThere) console.warn(`skipped: no CAP corpus at ${corpus.pathname}`);

interface Row {
  readonly file: string;
  readonly expected: string;
  readonly clause: string;
  readonly reason: string;
}

function rows(): Row[] {
  const [head, ...lines] = readFileSync(new URL('index.tsv', corpus), 'utf8').trimEnd().split('\n');
  const names = (head as string).split('\t');
  return lines.map((line) => {
    const cells = line.split('\t');
    const at = (name: string): string => cells[names.indexOf(name)] ?? '';
    return {
      file: at('file'),
      // "(CAP 1.1, legacy)" is a remark; a feed that is refused for its frame breaks the schema of feeds.
      expected: at('expected').replace(/ .*/, '').replace('reject-feed', 'reject-schema'),
      clause: at('clause'),
      reason: at('reason'),
    };
  });
}

/** Section and at least one word in common: `§3.2.1 msgType, references` is `3.2.1 references`. */
function isSameClause(expected: string, clauses: readonly string[]): boolean {
  const parts = (text: string): string[] => text.match(/\d(?:\.\d)+|[A-Za-z]{4,}/g) ?? [];
  const wanted = parts(expected);
  return clauses.some((clause) => {
    const [section, ...words] = parts(clause);
    return (
      wanted.includes(section as string) && (wanted.length === 1 || words.some((one) => wanted.includes(one)))
    );
  });
}

const openReader = () => openCapReader(readFileSync(new URL('../CAP-v1.2.xsd', import.meta.url)));

it.skipIf(!isThere)('the corpus is judged as its index expects', () => {
  const reader = openReader();
  const tally = new Map<string, { files: number; exact: number; sound: number; misses: string[] }>();
  const clauses = { named: 0, right: 0, wrong: [] as string[] };
  for (const { file, expected, clause } of rows()) {
    const { verdict, findings } = reader.read(readFileSync(new URL(file, corpus)));
    const line = tally.get(expected) ?? { files: 0, exact: 0, sound: 0, misses: [] };
    tally.set(expected, line);
    line.files++;
    if (verdict === expected) line.exact++;
    else line.misses.push(`${file}: ${verdict}`);
    if (verdict.startsWith('accept') === expected.startsWith('accept')) line.sound++;
    if (expected === 'reject-rule' && clause !== '') {
      clauses.named++;
      const found = findings.filter((one) => one.verdict === verdict).map((one) => one.clause);
      if (isSameClause(clause, found)) clauses.right++;
      else clauses.wrong.push(`${file}: ${clause} / ${found.join(', ')}`);
    }
  }
  const table = [...tally].map(([expected, { files, exact, misses }]) =>
    [expected.padEnd(17), `${exact}/${files}`, ...misses].join('  '),
  );
  console.info(`${table.join('\n')}\nclauses of reject-rule  ${clauses.right}/${clauses.named}`);

  const of = (name: string) => tally.get(name) ?? { files: 0, exact: 0, sound: 0, misses: [] };
  expect([...tally.values()].reduce((sum, { files }) => sum + files, 0)).toBe(172);
  for (const name of ['reject-malformed', 'reject-security', 'reject-schema', 'sig-invalid']) {
    expect(of(name).files, name).toBeGreaterThan(0);
    expect(of(name).misses, name).toEqual([]);
  }
  expect(of('reject-geometry').misses).toEqual([]);
  expect(of('reject-profile').misses).toEqual([]);
  expect(of('accept-warn').misses).toEqual([]);
  // JSON of api.weather.gov is no CAP message; a broken alert in a feed must not go unsaid.
  expect(of('accept').misses).toEqual([
    'feeds/capparselib_oregon_nws.atom: accept-warn',
    'json/nws_active_load-testing.json: reject-malformed',
  ]);
  expect(of('reject-rule').exact / of('reject-rule').files).toBeGreaterThanOrEqual(0.95);
  expect(clauses.right / clauses.named, clauses.wrong.join('\n')).toBeGreaterThanOrEqual(0.95);
});

it.skipIf(!isThere)('changed bytes of valid messages always get a verdict', () => {
  const reader = openReader();
  const folder = new URL('valid/', corpus);
  const files = readdirSync(folder)
    .map((name) => readFileSync(new URL(name, folder)))
    .filter(({ length }) => length < 50_000);
  expect(files.length).toBeGreaterThan(50);
  const seen = new Set<string>();
  const edits = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(fc.constantFrom(...files), edits, fc.boolean(), (file, changes, letters) => {
      const bytes = Buffer.from(file);
      // Letters and digits keep most files well-formed, so that the rules come to see them.
      for (const [at, byte] of changes) bytes[at % bytes.length] = letters ? 48 + (byte % 10) : byte;
      const { verdict, findings } = reader.read(bytes);
      expect(verdicts).toContain(verdict);
      expect(findings.length === 0).toBe(verdict === 'accept');
      seen.add(verdict);
    }),
    { numRuns: 3000 },
  );
  expect(seen.size).toBeGreaterThan(5);
});
