import type { ActOutcome } from '../../model/act.ts';
import type { AlertEvent } from '../../model/alert.ts';
import type { Feedback } from '../../model/observed-event.ts';
import { quantities } from '../../model/quantity.ts';
import type { Rule } from '../../model/rule.ts';
import type { Station } from '../../model/station.ts';
import { DAY_MS, HOUR_MS } from '../../model/time.ts';
import type { AuditEntry } from '../../store/ledger/audit.ts';
import type { Delivery } from '../../store/ledger/delivery.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { StoredRevision } from '../../store/ledger/stored-revision.ts';
import { unknownAlert } from '../alerts.ts';
import type { ApiDeps } from '../deps.ts';

const MAX_DELIVERIES = 1000;
const MAX_MESSAGES = 200;
const MAX_FIGURES = 4;
const MAX_POINTS = 2000;
const LONGEST_MS = 10 * DAY_MS;

type CapMessage = NonNullable<Awaited<ReturnType<Ledger['cap']>>>;

/** Readings of one quantity at one station around the evidence. */
interface Series {
  readonly quantity: string;
  readonly station: string;
  readonly from: number;
  readonly to: number;
  readonly points: readonly { readonly at: number; readonly value: number }[];
}

/** Everything that a report says, as it was kept. Instants are epoch ms. */
export interface Collected {
  readonly history: readonly StoredRevision[];
  readonly newest: StoredRevision;
  readonly acts: readonly ActOutcome[];
  /** The newest; `deliveryCount` says how many there are. */
  readonly deliveries: readonly Delivery[];
  readonly deliveryCount: number;
  readonly feedback: readonly Feedback[];
  readonly caps: readonly CapMessage[];
  readonly series: readonly Series[];
  /** The end of the audit chain when this was read. */
  readonly audit: AuditEntry | undefined;
  readonly rule: Pick<Rule, 'title' | 'instruction'> | undefined;
  readonly station: Station | undefined;
  readonly place: string;
  readonly timeZone: string;
  readonly madeAt: number;
}

/** The revision that proves the level: the newest that is neither an end nor a doubt. */
const proofOf = (history: readonly StoredRevision[]): AlertEvent | undefined =>
  history.findLast(({ revision: { event } }) => event.event !== 'ended' && event.event !== 'unverified')
    ?.revision.event;

async function seriesOf(event: AlertEvent, deps: ApiDeps): Promise<Series[]> {
  const found: Series[] = [];
  const seen = new Set<string>();
  for (const { expression, from, to, forecast, stations = [event.subject.id] } of event.evidence) {
    // What was forecast is no reading, and the readings of those hours are none of the evidence.
    if (forecast !== undefined) continue;
    const named = (expression.match(/[A-Za-z]\w*/g) ?? []).filter((name) => quantities.has(name));
    for (const quantity of named)
      for (const station of stations) {
        const key = `${quantity} ${station}`;
        if (found.length >= MAX_FIGURES || seen.has(key) || !deps.stations().some(({ id }) => id === station))
          continue;
        seen.add(key);
        const begin = Math.max(to - LONGEST_MS, from - Math.max(to - from, 12 * HOUR_MS));
        const asked = { station, from: begin, to: to + 1000, everyMs: null, quantities: [quantity] };
        const rows = await deps.archive.series({ ...asked, limit: MAX_POINTS });
        const points = rows.flatMap(({ at, values }) =>
          values[quantity] === undefined ? [] : [{ at, value: values[quantity].value }],
        );
        if (points.length > 0) found.push({ quantity, station, from: begin, to, points });
      }
  }
  return found;
}

/** Reads everything there is of an alert. Throws ATL_NOT_FOUND. */
export async function collect(id: string, deps: ApiDeps): Promise<Collected> {
  const { ledger } = deps;
  const history = await ledger.history(id);
  const newest = history.at(-1);
  if (!newest) throw unknownAlert(id);
  const caps: CapMessage[] = [];
  for (const { revision } of history.slice(-MAX_MESSAGES)) {
    const message = await ledger.cap(id, revision.event.revision);
    if (message) caps.push(message);
  }
  const { event, rule: byHand } = newest.revision;
  const proof = proofOf(history);
  const stations = deps.stations();
  const { subject } = event;
  const station = subject.kind === 'station' ? stations.find((one) => one.id === subject.id) : undefined;
  const named = deps.areas?.().find((one) => one.id === subject.id)?.name;
  const home = station ?? stations.find(({ region }) => region === subject.id);
  const [audit] = await ledger.audit({ limit: 1 });
  return {
    ...{ history, newest, caps, audit, station },
    acts: await ledger.acts(id),
    deliveries: await ledger.deliveries({ alert: id, limit: MAX_DELIVERIES }),
    deliveryCount: await ledger.deliveryCount(id),
    feedback: await ledger.feedback([id]),
    series: proof ? await seriesOf(proof, deps) : [],
    rule: byHand ?? deps.rules().find(({ name }) => name === event.rule),
    place: station?.name ?? (typeof named === 'string' ? named : (named?.[deps.language] ?? subject.id)),
    timeZone: home?.timeZone ?? 'UTC',
    madeAt: (deps.deliveryNow ?? deps.now)(),
  };
}
