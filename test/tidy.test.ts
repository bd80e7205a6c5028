import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errorCodes } from '../src/lib/errors.ts';

// The habits of CONTRIBUTING.md that no other tool checks. Each test lists what breaks it, by file and line.

const root = join(import.meta.dirname, '..');
const skippedFolders = new Set(['node_modules', 'dist', 'data', '.git']);
const MAX_LINES = 500;
const MAX_MEDIAN_LINES = 120;

interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

function filesUnder(folder: string, ending: RegExp): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : filesUnder(path, ending);
    return ending.test(entry.name) ? [path] : [];
  });
}

function read(folders: readonly string[], ending: RegExp): Source[] {
  return folders
    .flatMap((folder) => filesUnder(join(root, folder), ending))
    .map((path) => {
      const text = readFileSync(path, 'utf8');
      return { path: relative(root, path), text, lines: text.replace(/\n$/, '').split('\n') };
    });
}

const sources = read(['src', 'scripts', 'bench', 'test', 'bin', 'web/src'], /\.(ts|mjs|svelte)$/);
const production = sources.filter(
  ({ path }) => /^src\//.test(path) && !/(\.test|\/conformance|\/sample|\/fixture)\.ts$/.test(path),
);
const docs = read(['docs'], /\.md$/);
const fileText = (path: string): string =>
  existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '';

/** `file:line: text` of every line of code that matches; a line of comment does not count. */
function hits(files: readonly Source[], pattern: RegExp): string[] {
  return files.flatMap(({ path, lines }) =>
    lines.flatMap((line, i) =>
      pattern.test(line) && !/^\s*(\/\/|\/?\*)/.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [],
    ),
  );
}

describe('source', () => {
  test('is there', () => {
    expect(production.length).toBeGreaterThan(50);
  });

  test(`no file has more than ${MAX_LINES} lines`, () => {
    const long = sources.filter(({ lines }) => lines.length > MAX_LINES);
    expect(long.map(({ path, lines }) => `${path}: ${lines.length} lines; split it`)).toEqual([]);
  });

  test(`the median file has ${MAX_MEDIAN_LINES} lines or fewer`, () => {
    const counts = production.map(({ lines }) => lines.length).sort((a, b) => a - b);
    expect(counts[Math.floor(counts.length / 2)]).toBeLessThanOrEqual(MAX_MEDIAN_LINES);
  });

  test('the pure folders take clock and chance as arguments', () => {
    const pure = production.filter(({ path }) =>
      /^src\/(stream|rules|alerts|quality|statistics|model)\//.test(path),
    );
    expect(hits(pure, /\bDate\.now\(|\bMath\.random\(|\bnew Date\(\)|\bperformance\.now\(/)).toEqual([]);
  });

  test('only the command line writes to the console', () => {
    const inside = production.filter(({ path }) => !/^src\/(cli\/|main\.ts$)/.test(path));
    expect(hits(inside, /\bconsole\./)).toEqual([]);
  });

  test('nothing is left open in a comment', () => {
    // Put together here, so that this file does not find itself.
    const marks = new RegExp(`\\b(${['FIX' + 'ME', 'TO' + 'DO'].join('|')})\\b`);
    const open = sources.flatMap(({ path, lines }) =>
      lines.flatMap((line, i) => (marks.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
    );
    expect(open).toEqual([]);
  });

  test('files are named in kebab-case', () => {
    const odd = sources.filter(({ path }) => path.endsWith('.ts') && !/(^|\/)[a-z0-9.-]+$/.test(path));
    expect(odd.map(({ path }) => path)).toEqual([]);
  });
});

describe('documentation', () => {
  const front = ['README.md', 'docs/architecture.md'].map(fileText).join('\n');

  test('every page is linked from README.md or docs/architecture.md', () => {
    const lost = docs.filter(({ path }) => {
      const fromDocs = path.replace(/^docs\//, '');
      return (
        path !== 'docs/architecture.md' && !front.includes(`(${path}`) && !front.includes(`(${fromDocs}`)
      );
    });
    expect(lost.map(({ path }) => path)).toEqual([]);
    expect(front).toContain('(docs/architecture.md');
  });

  test('no link to a file of the repository leads nowhere', () => {
    const pages = ['README.md', 'README.pt-BR.md', 'CONTRIBUTING.md', ...docs.map(({ path }) => path)];
    const dead = pages.flatMap((page) =>
      [...fileText(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
        .map((match) => match[1] as string)
        .filter((target) => !existsSync(join(root, page, '..', target)))
        .map((target) => `${page}: ${target}`),
    );
    expect(dead).toEqual([]);
  });

  test('docs/errors.md explains every code, and no other', () => {
    const told = new Set(fileText('docs/errors.md').match(/\bATL_[A-Z_]+/g) ?? []);
    const used = new Set(production.flatMap(({ text }) => text.match(/(?<=')ATL_[A-Z_]+(?=')/g) ?? []));
    const known = new Set([...Object.keys(errorCodes), ...used]);
    expect([...known].filter((code) => !told.has(code))).toEqual([]);
    expect([...told].filter((code) => !known.has(code))).toEqual([]);
  });

  test('every line of the changelog says what kind of change it is', () => {
    const lines = fileText('CHANGELOG.md')
      .split('\n')
      .filter((line) => line.startsWith('- '));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((line) => !/^- \[(CHANGE|FEATURE|ENHANCEMENT|BUGFIX)\] \S/.test(line))).toEqual([]);
  });

  test('the two READMEs have the same sections and the same code', () => {
    const shape = (text: string): number[] =>
      [...text.matchAll(/^(#+) |^```/gm)].map((match) => match[1]?.length ?? 0);
    expect(shape(fileText('README.pt-BR.md'))).toEqual(shape(fileText('README.md')));
  });
});

describe('dashboard', () => {
  test.runIf(existsSync(join(root, 'web/src/i18n')))('every language has the same texts', async () => {
    const { en } = await import('../web/src/i18n/en.ts');
    const { ptBr } = await import('../web/src/i18n/pt-br.ts');
    expect(Object.keys(en).sort()).toEqual(Object.keys(ptBr).sort());
  });
});
