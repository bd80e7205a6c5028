/** What `cap check` says of a file (design section 8), from the mildest to the gravest. */
export const verdicts = [
  'accept',
  'accept-warn',
  'reject-profile',
  'reject-geometry',
  'reject-rule',
  'sig-invalid',
  'reject-schema',
  'reject-malformed',
  'reject-security',
] as const;

export type Verdict = (typeof verdicts)[number];

/** One thing found: how grave, by which clause of CAP-v1.2-os (or of what else is named), and why. */
export interface Finding {
  readonly verdict: Exclude<Verdict, 'accept'>;
  readonly clause: string;
  readonly reason: string;
}

/** More than this many findings of a file say nothing new, and bound what a hostile file can make us print. */
const MAX_FINDINGS = 20;
const MAX_QUOTE = 60;

/** The gravest verdict; `accept` when nothing was found. */
export const verdictOf = (findings: readonly Finding[]): Verdict =>
  findings.reduce<Verdict>(
    (worst, { verdict }) => (verdicts.indexOf(verdict) > verdicts.indexOf(worst) ? verdict : worst),
    'accept',
  );

/** The gravest first, each once, at most 20. */
export function orderFindings(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Set<string>();
  return findings
    .filter(({ clause, reason }) => {
      const key = `${clause}: ${reason}`;
      return !seen.has(key) && seen.add(key);
    })
    .sort((a, b) => verdicts.indexOf(b.verdict) - verdicts.indexOf(a.verdict))
    .slice(0, MAX_FINDINGS);
}

/** Text on one line for a terminal: what could move the cursor or end a column becomes a blank. */
export const oneLine = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to replace
  text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ').trim();

/** A piece of the file's own text, quoted for a reason: on one line and short. */
export function quote(text: string): string {
  const line = oneLine(text.slice(0, 4 * MAX_QUOTE));
  return line.length > MAX_QUOTE
    ? `"${line.slice(0, MAX_QUOTE).replace(/[\ud800-\udbff]$/, '')}…"`
    : `"${line}"`;
}
