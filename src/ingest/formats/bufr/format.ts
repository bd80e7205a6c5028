import { AtalaiaError } from '../../../lib/errors.ts';
import type { RawReport } from '../../decode/report.ts';
import type { Decoding, Format, Ignored, Profile, StationHint } from '../format.ts';
import { reportsOf } from './reports.ts';
import { headingOf, messagesOf } from './sections.ts';
import { readSubset } from './subset.ts';
import { type Budget, subsetsOf } from './walk.ts';

/** Descriptors times subsets of one file: some 3,000 reports of the longest template. */
const MAX_VALUES = 2_000_000;
/** Of elements that give no reading, told one by one. */
const MAX_IGNORED = 500;

interface Found {
  readonly reports: RawReport[];
  readonly ignored: Map<string, Ignored>;
  readonly stations: Map<string, StationHint>;
}

/**
 * BUFR, editions 3 and 4 (WMO-No. 306, Volume I.2, FM 94), of surface observations: one message or several, with or without
 * headings of bulletins. A station is named by its WIGOS identifier, or by the one that its WMO number stands for; times are
 * those of the subsets, UTC; an amount has the period that is said before it.
 */
export const bufr: Format = {
  name: 'bufr',
  summary: 'BUFR of surface observations (SYNOP), editions 3 and 4, as WIS2 carries it.',
  decode({ body }, profile): Decoding {
    const found: Found = { reports: [], ignored: new Map(), stations: new Map() };
    const budget: Budget = { left: MAX_VALUES };
    const messages = messagesOf(body);
    const flaws: AtalaiaError[] = [];
    for (const [index, message] of messages.entries()) {
      try {
        readMessage(message, profile, budget, found);
      } catch (error) {
        if (!(error instanceof AtalaiaError) || error.code !== 'ATL_UNREADABLE') throw error;
        flaws.push(error);
        found.ignored.set(`message ${index}`, { path: `message ${index}`, why: error.message });
      }
    }
    // One damaged message takes no other with it, but a file of which none can be read is put aside whole.
    const [first] = flaws;
    if (first && flaws.length === messages.length) throw first;
    return {
      reports: found.reports,
      ignored: [...found.ignored.values()],
      stations: [...found.stations.values()],
    };
  },
};

/** Adds what a message says when all of it can be read. */
function readMessage(message: Uint8Array, profile: Profile, budget: Budget, found: Found): void {
  const own: Pick<Found, 'reports'> & { ignored: Ignored[]; stations: StationHint[] } = {
    reports: [],
    ignored: [],
    stations: [],
  };
  for (const { cells, lanes } of subsetsOf(headingOf(message), budget))
    for (let lane = 0; lane < lanes; lane++) {
      const { reports, ignored, hint } = reportsOf(readSubset(cells, lane), profile);
      own.reports.push(...reports);
      if (hint) own.stations.push(hint);
      for (const [path, why] of ignored)
        if (own.ignored.length < MAX_IGNORED) own.ignored.push({ path, why, isMeant: true });
    }
  found.reports.push(...own.reports);
  for (const hint of own.stations) found.stations.set(hint.station, hint);
  for (const one of own.ignored) found.ignored.set(`${one.path} ${one.why}`, one);
}
