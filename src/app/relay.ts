import type { Log } from '../log/log.ts';
import { encodeRecord } from '../log/record-codec.ts';
import type { ActCommand, RaiseCommand } from '../model/act.ts';
import type { Area } from '../model/area.ts';
import type { CommandRecord } from '../model/record.ts';
import type { Station } from '../model/station.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import { CLIMATOLOGY_META } from './climatology.ts';
import { toDocument } from './documents.ts';
import { areaDocuments, partitionOf } from './partition.ts';

/** One command as the ledger keeps it: what every partition gets, or each its own; an act goes to one alone. */
type CommandRow =
  | { readonly commands: readonly CommandRecord['command'][] }
  | { readonly act: ActCommand | RaiseCommand; readonly partition: number };

/**
 * A command is a row in the ledger first, then appended to every partition until done; its id makes repeats no-ops.
 * It is in force in a partition from its record on. Processes that share the ledger take turns: the order of commands is
 * the same in every partition.
 */
export class CommandRelay {
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #now: () => number;

  constructor(ledger: Ledger, log: Log, now: () => number) {
    this.#ledger = ledger;
    this.#log = log;
    this.#now = now;
  }

  /** Puts a rule set in force unless it is already. */
  async putRules(content: unknown): Promise<void> {
    const hash = await this.#ledger.putDocument(toDocument(content).bytes);
    await this.#issue('rules', hash, Array(this.#log.partitions).fill({ type: 'rules', hash }));
  }

  /** Puts the climatology that the ledger names in force unless it is already; without one there is nothing to do. */
  async putClimatology(): Promise<void> {
    const hash = await this.#ledger.meta(CLIMATOLOGY_META);
    if (hash !== undefined)
      await this.#issue('climatology', hash, Array(this.#log.partitions).fill({ type: 'climatology', hash }));
  }

  /** Puts the registry in force, each partition its own stations. */
  async putStations(stations: readonly Station[]): Promise<void> {
    const slices = Array.from({ length: this.#log.partitions }, () => [] as Station[]);
    for (const station of stations) slices[partitionOf(station.region, slices.length)]?.push(station);
    await this.#issueEach('stations', stations, slices);
  }

  /** Puts the named areas in force, each partition its own; to be done again when the registry has changed. */
  async putAreas(areas: readonly Area[], stations: readonly Station[]): Promise<void> {
    if (areas.length === 0 && (await this.#ledger.meta('in-force:areas')) === undefined) return;
    const slices = areaDocuments(areas, stations, this.#log.partitions);
    await this.#issueEach('areas', slices, slices);
  }

  /** Puts a document of its own in force in each partition; equal ones are kept once. */
  async #issueEach(type: 'stations' | 'areas', whole: unknown, slices: readonly unknown[]): Promise<void> {
    const hashes = new Map<string, string>();
    const commands: CommandRecord['command'][] = [];
    for (const slice of slices) {
      const document = toDocument(slice);
      if (!hashes.has(document.hash))
        hashes.set(document.hash, await this.#ledger.putDocument(document.bytes));
      commands.push({ type, hash: hashes.get(document.hash) as string });
    }
    await this.#issue(type, toDocument(whole).hash, commands);
  }

  async putRecording(startAt: number, delayMs: number): Promise<void> {
    await this.#issue(
      'recording',
      `${startAt}-${delayMs}`,
      Array(this.#log.partitions).fill({ type: 'recording', startAt, delayMs }),
    );
  }

  async #issue(what: string, key: string, commands: readonly CommandRecord['command'][]): Promise<void> {
    if ((await this.#ledger.meta(`in-force:${what}`)) === key) return;
    const number = Number((await this.#ledger.meta('commands')) ?? '0') + 1;
    const row: CommandRow = { commands };
    await this.#ledger.putCommand({
      id: `${number}-${what}-${toDocument(key).hash.slice(0, 12)}`,
      json: JSON.stringify(row),
      at: this.#now(),
    });
    await this.#ledger.putMeta('commands', String(number));
    await this.relay();
    await this.#ledger.putMeta(`in-force:${what}`, key);
  }

  /** Appends every command that is not yet in all partitions. */
  async relay(): Promise<void> {
    for (const { id, json } of await this.#ledger.pendingCommands()) await this.#append(id, json);
  }

  async #append(id: string, json: string): Promise<void> {
    const row = JSON.parse(json) as CommandRow;
    const commands =
      'act' in row
        ? [{ partition: row.partition, command: row.act }]
        : row.commands.map((command, partition) => ({ partition, command }));
    await this.#log.append(
      commands.map(({ partition, command }) => ({
        partition,
        key: id,
        payload: encodeRecord({ kind: 'command', id, command }),
      })),
    );
    await this.#ledger.commandRelayed(id);
  }

  /**
   * Resolves when the log has the act of a person durably; given again, the first one of its id counts. After a crash
   * in between the next start appends it: the fold takes a repeat for none, as it names the revision that was seen.
   */
  async putAct(id: string, partition: number, act: ActCommand | RaiseCommand): Promise<void> {
    const row: CommandRow = { act, partition };
    await this.#ledger.putCommand({ id, json: JSON.stringify(row), at: this.#now() });
    const kept = await this.#ledger.command(id);
    if (kept && !kept.isRelayed) await this.#append(id, kept.json);
  }
}
