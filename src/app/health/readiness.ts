import { statfsSync } from 'node:fs';
import type { Readiness } from '../../api/deps.ts';
import { MINUTE_MS, SECOND_MS } from '../../model/time.ts';
import type { Processor } from '../processor/processor.ts';
import type { Ticker } from '../ticker.ts';
import type { StatusBoard } from './status.ts';

const LIMITS = { tickMs: 5 * SECOND_MS, outboxMs: 60 * SECOND_MS, diskShare: 0.1, archiveMs: 10 * MINUTE_MS };

interface Parts {
  readonly status: StatusBoard;
  readonly processor: Processor;
  readonly ticker: Ticker | null;
  readonly now: () => number;
  readonly dataDirectory: string;
}

/** Whether this server can warn people now (design section 8, `/readyz`). A recording has no live clock to be behind. */
export function readiness({ status, processor, ticker, now, dataDirectory }: Parts): Readiness {
  const at = now();
  const tickAge = ticker ? at - ticker.lastAt : 0;
  const outboxAge = status.oldestOutboxAt === null || !ticker ? 0 : at - status.oldestOutboxAt;
  const { bavail, blocks } = statfsSync(dataDirectory);
  const free = Number(bavail) / Number(blocks);
  const checks = [
    check('tick', tickAge <= LIMITS.tickMs, `newest tick ${seconds(tickAge)} old`),
    check('outbox', outboxAge <= LIMITS.outboxMs, `oldest row ${seconds(outboxAge)} old`),
    check('disk', free >= LIMITS.diskShare, `${Math.round(free * 100)} % free`),
    check('archive', processor.archiveLagMs <= LIMITS.archiveMs, `${seconds(processor.archiveLagMs)} behind`),
  ];
  return { ready: checks.every(({ ok }) => ok), checks };
}

const check = (name: string, ok: boolean, detail: string): Readiness['checks'][number] => ({
  name,
  ok,
  detail,
});
const seconds = (ms: number): string => `${(ms / SECOND_MS).toFixed(1)} s`;
