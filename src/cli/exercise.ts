import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'exercise.json';

/** How far the exercise in a data directory came: none there, interrupted, or played to its end. */
export function exerciseState(data: string, endAt: number): 'none' | 'unfinished' | 'finished' {
  if (!existsSync(join(data, 'ledger.sqlite'))) return 'none';
  const path = join(data, FILE);
  if (!existsSync(path)) return 'unfinished';
  const { finishedAt } = JSON.parse(readFileSync(path, 'utf8')) as { finishedAt: number };
  return finishedAt >= endAt ? 'finished' : 'unfinished';
}

/** Marks the exercise as played to its end, in the recording's time (epoch ms). */
export const markFinished = (data: string, finishedAt: number): void =>
  writeFileSync(join(data, FILE), `${JSON.stringify({ finishedAt })}\n`);
