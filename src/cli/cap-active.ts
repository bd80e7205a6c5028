import type { CapReader } from '../alerts/cap/read/reader.ts';
import { oneLine } from '../alerts/cap/read/verdict.ts';
import { type ForeignDocument, readForeign } from '../alerts/foreign/document.ts';
import { foreignFacts } from '../alerts/foreign/facts.ts';
import { ForeignAlerts, type ForeignState, highestLevel, liveInfo } from '../alerts/foreign/state.ts';
import { formatInstant } from '../model/time.ts';
import { readBounded } from './cap-file.ts';
import type { CommandIo } from './command.ts';

interface Options {
  /** Epoch ms. */
  readonly now: number;
  readonly all: boolean;
  readonly drills: boolean;
}

/** Lists what the messages of the files leave in force. 1 when a file cannot be read or holds nothing that can be. */
export function listForeign(
  reader: CapReader,
  paths: readonly string[],
  { now, all, drills }: Options,
  io: CommandIo,
): number {
  const state = new ForeignAlerts();
  let bad = 0;
  for (const path of paths) {
    const say = (what: string): boolean =>
      io.stderr.write(`atalaia cap active: ${oneLine(path)}: ${oneLine(what)}\n`);
    try {
      const document = readForeign(reader, readBounded(path));
      for (const { clause, reason } of document.findings) say(`${clause}: ${reason}`);
      if (document.messages.length + document.links.length === 0 && document.findings.length > 0) bad++;
      takeIn(state, document, { source: path, now, say });
    } catch (error) {
      say(`cannot be read: ${(error as Error).message}`);
      bad++;
    }
  }
  for (const { alert, state: is } of state.view(now)) {
    if ((is !== 'active' && !all) || (alert.status === 'Actual') === drills) continue;
    io.stdout.write(`${lineOf(alert, is, now).map(oneLine).join('\t')}\n`);
  }
  return bad > 0 ? 1 : 0;
}

function takeIn(
  state: ForeignAlerts,
  { messages, links }: ForeignDocument,
  { source, now, say }: { source: string; now: number; say: (what: string) => void },
): void {
  const refused = new Map<string, number>();
  const count = (why: string): void => void refused.set(why, (refused.get(why) ?? 0) + 1);
  for (const { alert, faulty } of messages) {
    const facts = foreignFacts(alert, { source, now, faulty });
    if ('refused' in facts) count(facts.refused);
    else if (!state.add(facts)) count('full');
  }
  for (const [why, times] of refused) say(`${times} not taken: ${why}`);
  if (links.length > 0)
    say(`${links.length} stand behind links, which are not followed; give their files too`);
}

type Alert = ReturnType<ForeignAlerts['view']>[number]['alert'];

function lineOf(alert: Alert, state: ForeignState, now: number): readonly string[] {
  const live = liveInfo(alert, now);
  const [first] = live.length > 0 ? live : alert.info;
  const words = first === undefined ? '' : `${first.severity}/${first.urgency}/${first.certainty}`;
  return [
    state,
    highestLevel(live) ?? '-',
    words,
    formatInstant(alert.expiresAt),
    alert.sender,
    alert.identifier,
    first?.event ?? '',
    first?.area.map(({ areaDesc }) => areaDesc).join('; ') ?? '',
  ];
}
