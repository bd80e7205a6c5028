import { type DocumentCache, toDocument } from '../src/app/documents.ts';
import { invariant } from '../src/lib/errors.ts';
import { type Random, seededRandom } from '../src/lib/random.ts';
import type { Append } from '../src/log/log.ts';
import { encodeRecord } from '../src/log/record-codec.ts';
import type { LogRecord } from '../src/model/record.ts';
import type { Station } from '../src/model/station.ts';
import { MINUTE_MS } from '../src/model/time.ts';
import { loadRules } from '../src/rules/rule-set.ts';

export const PARTITIONS = 2;
const STATIONS = 4;
const STEP_MS = 10 * MINUTE_MS;
const START_AT = Date.UTC(2024, 3, 30);
/** The thresholds change at this step and again so many steps later: a change of rules between two batches. */
const RULES_EVERY = 40;

const ruleText = (yellow: number): string => `rule: chuva
hazard: rain
levels:
  yellow: sum(rainfall, 30m) >= ${yellow} mm
  red: sum(rainfall, 30m) >= 40 mm
clear: sum(rainfall, 30m) < 5 mm
coverage: 30 %
expires: 1h
`;

/**
 * Records of showers without end, made step by step: the same for a seed, whatever was asked before. Alerts rise and
 * end every few steps; some stations fall silent, so that timers fire in ticks without a report.
 */
export class Showers {
  readonly #random: Random;
  readonly #documents: DocumentCache;
  readonly #wet = new Map<string, boolean>();
  /** All records so far; the index is the offset. */
  readonly records: LogRecord[][] = Array.from({ length: PARTITIONS }, () => []);
  #step = 0;

  constructor(seed: number, documents: DocumentCache) {
    this.#random = seededRandom(seed);
    this.#documents = documents;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const hash = documents.add(toDocument(this.#stations(partition)));
      this.#add(partition, { kind: 'command', id: 'stations', command: { type: 'stations', hash } });
      this.#add(partition, {
        kind: 'command',
        id: 'recording',
        command: { type: 'recording', delayMs: 0, startAt: START_AT },
      });
    }
  }

  #stations(partition: number): Station[] {
    return Array.from({ length: STATIONS }, (_, i) => ({
      id: `S${partition}${i}`,
      name: `Station ${partition}${i}`,
      latitude: -30,
      longitude: -51,
      altitude: null,
      region: `r${partition}`,
      timeZone: 'UTC',
      intervalMs: STEP_MS,
    }));
  }

  #add(partition: number, record: LogRecord): void {
    (this.records[partition] as LogRecord[]).push(record);
  }

  /** Adds the records of ten more minutes to every partition. */
  step(): void {
    const at = START_AT + this.#step * STEP_MS;
    if (this.#step % RULES_EVERY === 0) this.#setRules(this.#step % (2 * RULES_EVERY) === 0 ? 10 : 12);
    for (let partition = 0; partition < PARTITIONS; partition++) {
      this.#add(partition, { kind: 'tick', at });
      for (let i = 0; i < STATIONS; i++) this.#report(partition, `S${partition}${i}`, at);
    }
    this.#step++;
  }

  #setRules(yellow: number): void {
    const { rules, problems } = loadRules([{ path: 'chuva.yaml', text: ruleText(yellow) }]);
    invariant(problems.length === 0, `a rule of the benchmark is bad: ${JSON.stringify(problems[0])}`);
    const hash = this.#documents.add(toDocument(rules));
    const command = { type: 'rules', hash } as const;
    for (let partition = 0; partition < PARTITIONS; partition++)
      this.#add(partition, { kind: 'command', id: `rules-${this.#step}`, command });
  }

  #report(partition: number, station: string, at: number): void {
    const random = this.#random;
    const isWet = random() < 0.3 ? !(this.#wet.get(station) ?? false) : (this.#wet.get(station) ?? false);
    this.#wet.set(station, isWet);
    const rainfall = isWet ? Math.round(random() * 20_000) : 0;
    const isSilent = random() < 0.1;
    const humidity = 70_000 + Math.round(random() * 20_000);
    if (isSilent) return;
    this.#add(partition, {
      kind: 'report',
      report: {
        station,
        observedAt: at,
        intervalMs: STEP_MS,
        receivedAt: at,
        quantities: ['rainfall', 'relativeHumidity'],
        values: [rainfall, humidity],
      },
    });
  }

  /** Records of a partition from an offset on, as the log takes them. */
  appends(partition: number, from: number): Append[] {
    return (this.records[partition] as LogRecord[])
      .slice(from)
      .map((record) => ({ partition, key: 'x', payload: encodeRecord(record) }));
  }
}
