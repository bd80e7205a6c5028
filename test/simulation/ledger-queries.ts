import { AtalaiaError } from '../../src/lib/errors.ts';
import type { Ledger } from '../../src/store/ledger/ledger.ts';
import { type LedgerMedium, type RevisionRow, storedOf } from './ledger-medium.ts';

type Filter = Parameters<Ledger['alerts']>[0];

interface Alert {
  readonly firstSeq: number;
  readonly newest: RevisionRow;
}

function isWanted({ newest }: Alert, filter: Filter, medium: LedgerMedium): boolean {
  const { event } = newest.revision;
  const { state, area } = filter;
  if (state === 'open' ? newest.state === 'ended' : state && newest.state !== state) return false;
  if ((filter.level ?? event.level) !== event.level || (filter.rule ?? event.rule) !== event.rule)
    return false;
  if ((filter.hazard ?? event.hazard) !== event.hazard) return false;
  const isInRegion =
    event.subject.kind === 'station' && medium.stations.get(event.subject.id)?.region === area;
  if (area !== undefined && event.subject.id !== area && !isInRegion) return false;
  if (filter.from !== undefined && newest.state === 'ended' && event.at < filter.from) return false;
  return filter.to === undefined || event.onsetAt < filter.to;
}

/** Alerts by their newest revision, newest first by their first; a cursor goes on below a first revision. */
export function alertsOf(medium: LedgerMedium, filter: Filter): Awaited<ReturnType<Ledger['alerts']>> {
  const below = filter.cursor === undefined ? Number.POSITIVE_INFINITY : cursorOf(filter.cursor);
  const alerts = new Map<string, Alert>();
  for (const row of medium.revisions) {
    const { alert } = row.revision.event;
    if (row.revision.draft) continue;
    alerts.set(alert, { firstSeq: alerts.get(alert)?.firstSeq ?? row.seq, newest: row });
  }
  const wanted = [...alerts.values()]
    .filter((one) => one.firstSeq < below && isWanted(one, filter, medium))
    .sort((a, b) => b.firstSeq - a.firstSeq);
  const page = wanted.slice(0, filter.limit);
  const last = page.at(-1);
  return {
    items: page.map(({ newest }) => storedOf(newest)),
    next: wanted.length > page.length && last ? `m${last.firstSeq}` : null,
  };
}

/** The newest revision of each alert that waits for approval, the oldest first. */
export function draftsOf(medium: LedgerMedium): RevisionRow[] {
  const newest = new Map(medium.revisions.map((row) => [row.revision.event.alert, row]));
  return [...newest.values()].filter(({ revision }) => revision.draft?.waits).sort((a, b) => a.seq - b.seq);
}

function cursorOf(cursor: string): number {
  if (/^m\d+$/.test(cursor)) return Number(cursor.slice(1));
  throw new AtalaiaError('ATL_USAGE', 'The cursor is none of ours. Take it from `next` of the page before.');
}
