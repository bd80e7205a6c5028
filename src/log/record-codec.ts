import { AtalaiaError } from '../lib/errors.ts';
import type { CommandRecord, LogRecord, ReportRecord } from '../model/record.ts';

/** First byte of every record; another one is of a version this one cannot read. */
const VERSION = 1;
const MAX_LAYOUTS = 4096;

const decoder = new TextDecoder('utf-8', { fatal: true });
const layouts = new Map<string, readonly string[]>();

/** Reports of one layout share one frozen array. The table is bounded: when it is full it starts anew. */
function intern(quantities: readonly string[]): readonly string[] {
  const key = quantities.join('\n');
  const known = layouts.get(key);
  if (known) {
    // Names with a line feed in them can give the key of another layout.
    const isSame = known.length === quantities.length && known.every((name, i) => name === quantities[i]);
    return isSame ? known : quantities;
  }
  if (layouts.size >= MAX_LAYOUTS) layouts.clear();
  const layout = Object.freeze([...quantities]);
  layouts.set(key, layout);
  return layout;
}

function toArray(record: LogRecord): readonly unknown[] {
  if (record.kind === 'tick') return record.gap ? ['t', record.at, 1] : ['t', record.at];
  if (record.kind === 'command') {
    const { id, command } = record;
    return command.type === 'recording'
      ? ['c', id, command.type, command.delayMs, command.startAt]
      : ['c', id, command.type, command.hash];
  }
  const { station, observedAt, intervalMs, receivedAt, quantities, values } = record.report;
  const fields = [station, observedAt, intervalMs, receivedAt, quantities, values];
  return record.neighbour ? ['r', ...fields, 1] : ['r', ...fields];
}

/** A record as bytes: the version, then a compact JSON array. Values are scaled integers (model/quantity.ts). */
export function encodeRecord(record: LogRecord): Uint8Array {
  const text = JSON.stringify(toArray(record));
  const bytes = Buffer.allocUnsafeSlow(1 + Buffer.byteLength(text));
  bytes[0] = VERSION;
  bytes.write(text, 1, 'utf8');
  return new Uint8Array(bytes.buffer, 0, bytes.length);
}

/** The inverse of {@link encodeRecord}. Bytes that are no record throw ATL_LOG_DAMAGED. */
export function decodeRecord(bytes: Uint8Array): LogRecord {
  if (bytes[0] !== VERSION) {
    throw damaged(
      bytes.length === 0 ? 'it is empty' : `its version is ${bytes[0]}, this program reads ${VERSION}`,
    );
  }
  let fields: unknown;
  try {
    fields = JSON.parse(decoder.decode(bytes.subarray(1)));
  } catch (error) {
    throw damaged('it is no JSON text in UTF-8', error);
  }
  const record = Array.isArray(fields) ? fromArray(fields) : undefined;
  if (!record) throw damaged('its fields are not those of a record');
  return record;
}

function fromArray(fields: readonly unknown[]): LogRecord | undefined {
  if (fields[0] === 'r') return reportOf(fields);
  if (fields[0] === 'c') return commandOf(fields);
  const [kind, at, gap] = fields;
  if (kind !== 't' || !isNumber(at) || !isFlagged(fields, 2)) return undefined;
  return gap === 1 ? { kind: 'tick', at, gap: true } : { kind: 'tick', at };
}

function reportOf(fields: readonly unknown[]): ReportRecord | undefined {
  const [, station, observedAt, intervalMs, receivedAt, quantities, values, neighbour] = fields;
  if (!isFlagged(fields, 7) || typeof station !== 'string' || !isNumber(observedAt) || !isNumber(intervalMs))
    return undefined;
  if (!isNumber(receivedAt) || !isListOf(quantities, isText) || !isListOf(values, isNumber)) return undefined;
  if (quantities.length !== values.length) return undefined;
  const report = { station, observedAt, intervalMs, receivedAt, quantities: intern(quantities), values };
  return neighbour === 1 ? { kind: 'report', report, neighbour: true } : { kind: 'report', report };
}

function commandOf(fields: readonly unknown[]): CommandRecord | undefined {
  const [, id, type, first, second] = fields;
  if (typeof id !== 'string') return undefined;
  if (isDocument(type) && typeof first === 'string' && fields.length === 4)
    return { kind: 'command', id, command: { type, hash: first } };
  if (type !== 'recording' || !isNumber(first) || !isNumber(second) || fields.length !== 5) return undefined;
  return { kind: 'command', id, command: { type, delayMs: first, startAt: second } };
}

/** Commands that put a document in force. */
const documents = ['rules', 'stations', 'areas', 'climatology'] as const;
const isDocument = (type: unknown): type is (typeof documents)[number] =>
  documents.includes(type as (typeof documents)[number]);
const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => typeof value === 'number';
const isListOf = <T>(value: unknown, is: (item: unknown) => item is T): value is T[] =>
  Array.isArray(value) && value.every(is);
const isFlagged = (fields: readonly unknown[], length: number): boolean =>
  fields.length === length || (fields.length === length + 1 && fields[length] === 1);

const damaged = (why: string, cause?: unknown): AtalaiaError =>
  new AtalaiaError(
    'ATL_LOG_DAMAGED',
    `A record of the log cannot be read: ${why}. Restore the log from a backup, or use the version that wrote it.`,
    { cause },
  );
