import { decodeXml } from './decode.ts';
import { type FeedEntry, readFeed } from './feed.ts';
import { type ReadAlert, readAlert } from './message.ts';
import { checkRules } from './rules.ts';
import { checkStructure } from './structure.ts';
import { capVersions } from './tables.ts';
import { type Finding, orderFindings, quote, type Verdict, verdictOf } from './verdict.ts';
import { compileSchema, type Element, readXml } from './xml.ts';

/** What was read of one file: the verdict of a strict reader, and what a tolerant one can still use. */
export interface CapReading {
  readonly verdict: Verdict;
  /** The gravest first; empty for `accept`. */
  readonly findings: readonly Finding[];
  /** The alerts that could be mapped, also from a message with a fault; of a feed those that it carries whole. */
  readonly alerts: readonly ReadAlert[];
  /** The entries when the file is a feed; also those whose alerts have faults. */
  readonly entries?: readonly EntryReading[];
}

/** An entry of a feed, and the reading of each alert that it carries whole. */
export interface EntryReading extends Omit<FeedEntry, 'embedded'> {
  readonly readings: readonly CapReading[];
}

/** Reads and judges CAP messages and feeds. Opens nothing and follows nothing that stands in them. */
export interface CapReader {
  /** Any bytes; never throws for what they are. */
  read(bytes: Uint8Array): CapReading;
}

const MAX_INFOS = 200;
const MAX_AREAS = 5000;
const MAX_RESOURCES = 500;
const broken: ReadonlySet<Verdict> = new Set(['reject-security', 'reject-schema']);

/**
 * Opens a reader of CAP 1.2, 1.1 and 1.0 (design section 7): tolerant in what it maps, strict in what it reports.
 * @param xsd bytes of CAP-v1.2.xsd.
 * @throws AtalaiaError ATL_CAP_INVALID when they are no schema.
 */
export function openCapReader(xsd: Uint8Array): CapReader {
  const schema = compileSchema(xsd);

  function read(bytes: Uint8Array): CapReading {
    const decoded = decodeXml(bytes);
    return 'finding' in decoded ? reading([decoded.finding]) : readText(decoded.text, false);
  }

  function readText(text: string, inFeed: boolean): CapReading {
    let judged: CapReading | undefined;
    const xml = readXml(text, schema, (root) => {
      if (root.name !== 'alert' || !capVersions.has(root.namespace)) return false;
      judged = judge(root);
      return !judged.findings.some(({ verdict }) => broken.has(verdict));
    });
    if ('finding' in xml) return reading([xml.finding]);
    if (judged !== undefined) {
      // Our own complaint names the clause; the XSD's counts where we have none.
      const more = xml.schema === undefined ? [] : [xml.schema];
      return reading([...judged.findings, ...more, ...xml.signatures], judged.alerts);
    }
    const feed = inFeed ? undefined : readFeed(xml.root);
    if (feed === undefined) return reading([unknownRoot(xml.root)]);
    const entries = feed.entries.map(({ embedded, ...entry }) => ({
      ...entry,
      readings: embedded.map(({ element, text: escaped }) =>
        element === undefined ? readEscaped(escaped ?? '') : judge(element),
      ),
    }));
    const inner = entries.flatMap(({ readings }) => readings);
    // One broken alert must not cost the others of the feed: its faults are told, and it is not handed on.
    return {
      ...reading(
        [...feed.findings, ...inner.flatMap(({ findings }) => findings.map(mildened))],
        inner.filter(({ verdict }) => verdict.startsWith('accept')).flatMap(({ alerts }) => alerts),
      ),
      entries,
    };
  }

  function readEscaped(text: string): CapReading {
    const decoded = decodeXml(Buffer.from(text.replace(/^<\?xml[^>]*\?>/, '')));
    return 'finding' in decoded ? reading([decoded.finding]) : readText(decoded.text, true);
  }

  return { read };
}

const reading = (findings: readonly Finding[], alerts: readonly ReadAlert[] = []): CapReading => ({
  verdict: verdictOf(findings),
  findings: orderFindings(findings),
  alerts,
});

/** A fault of an alert in a feed, as it counts for the feed: what could attack us stays, the rest becomes a warning. */
const mildened = (finding: Finding): Finding =>
  finding.verdict === 'reject-security' ? finding : { ...finding, verdict: 'accept-warn' };

/** Structure and rules of an alert element; a message of the wrong structure is mapped all the same. */
function judge(root: Element): CapReading {
  const version = capVersions.get(root.namespace);
  const alert = readAlert(root);
  if (version === undefined || alert === undefined) return reading([unknownRoot(root)]);
  const areas = alert.info.reduce((sum, { area }) => sum + area.length, 0);
  const resources = alert.info.reduce((sum, { resource }) => sum + resource.length, 0);
  if (alert.info.length > MAX_INFOS || areas > MAX_AREAS || resources > MAX_RESOURCES)
    return reading([
      {
        verdict: 'reject-security',
        clause: 'limits',
        reason: `more than ${MAX_INFOS} info, ${MAX_AREAS} area or ${MAX_RESOURCES} resource blocks`,
      },
    ]);
  return reading([...checkStructure(root, version), ...checkRules(alert)], [alert]);
}

const unknownRoot = ({ name, namespace, line }: Element): Finding => ({
  verdict: 'reject-schema',
  clause: '3.2.1 alert',
  reason:
    name === 'alert'
      ? `line ${line}: namespace ${quote(namespace)} is of no CAP version`
      : `line ${line}: the root is ${quote(name)}, not alert`,
});
