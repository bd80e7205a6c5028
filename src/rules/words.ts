/** Levenshtein distance: insertions, deletions, replacements and swaps of neighbours between two words. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const least = Math.min(replaced, (previous[j] as number) + 1, (row[j - 1] as number) + 1);
      row.push(swapped ? Math.min(least, (before[j - 2] as number) + 1) : least);
    }
    [before, previous] = [previous, row];
  }
  return previous[b.length] as number;
}

/** The known word nearest to a misspelt one (case aside), or undefined when none is near enough to be meant. */
export function nearestWord(word: string, known: Iterable<string>): string | undefined {
  if (word.length > 64) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.round(word.length * 0.45)) + 1;
  for (const candidate of known) {
    const folded = editDistance(word.toLowerCase(), candidate.toLowerCase());
    const distance = folded + (word === candidate ? 0 : 0.1 * Math.min(4, editDistance(word, candidate)));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** `unknown unit "mn"; did you mean "mm"?`, or the list of the known words when none is near. */
export function unknownWord(what: string, word: string, known: readonly string[]): string {
  const shown = word.length > 64 ? `${word.slice(0, 64)}…` : word;
  const nearest = nearestWord(word, known);
  return nearest === undefined
    ? `unknown ${what} "${shown}"; known: ${known.join(', ')}`
    : `unknown ${what} "${shown}"; did you mean "${nearest}"?`;
}
