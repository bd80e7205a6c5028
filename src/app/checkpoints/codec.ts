import { promisify } from 'node:util';
import { constants, deflateRaw, inflateRaw } from 'node:zlib';
import { crc32c } from '../../lib/crc32c.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import type { FoldSnapshot } from '../../stream/fold.ts';
import { ColumnReader, ColumnWriter } from './columns.ts';

type Station = FoldSnapshot['stations'][number];
type Series = Station['series'][number][1];

/** A series in the head: its readings stand in the columns behind it, unless one of them is no whole number. */
type SeriesHead = Omit<Series, 'at' | 'interval' | 'cover' | 'value'> & { readonly n: number };
type StationHead = Omit<Station, 'series'> & {
  readonly series: readonly (readonly [string, SeriesHead | Series])[];
};

const MAGIC = Buffer.from('ATLCKPT2', 'latin1');
const BODY_AT = 16;
/** Bound of an unpacked checkpoint: one partition of the largest networks is far below. */
const MAX_UNPACKED = 2 ** 30;
const columns = ['at', 'interval', 'cover', 'value'] as const;

const deflated = promisify(deflateRaw) as (bytes: Uint8Array, options: object) => Promise<Buffer>;
const inflated = promisify(inflateRaw) as (bytes: Uint8Array, options: object) => Promise<Buffer>;

/** A snapshot before it is deflated. */
export interface PackedCheckpoint {
  readonly headBytes: number;
  readonly bytes: Uint8Array;
}

/** Lays a snapshot out: a JSON head, then the readings as columns. What it costs, the fold's thread pays. */
export function packCheckpoint(snapshot: FoldSnapshot): PackedCheckpoint {
  const writer = new ColumnWriter();
  const stations = snapshot.stations.map(
    (station): StationHead => ({
      ...station,
      series: station.series.map(([name, series]) => [name, encodeSeries(series, writer)]),
    }),
  );
  const head = Buffer.from(JSON.stringify({ ...snapshot, stations }));
  return { headBytes: head.length, bytes: Buffer.concat([head, writer.bytes()]) };
}

/** The bytes of a checkpoint, format 2 (docs/formats/checkpoint.md). Deflating is done by another thread. */
export async function sealCheckpoint({ headBytes, bytes }: PackedCheckpoint): Promise<Uint8Array> {
  // Level 1: the many tracks that rest are nearly equal, and shrink to a twentieth by that already.
  const body = await deflated(bytes, { level: constants.Z_BEST_SPEED });
  const sealed = Buffer.concat([MAGIC, Buffer.alloc(BODY_AT - MAGIC.length), body]);
  sealed.writeUInt32LE(headBytes, 12);
  sealed.writeUInt32LE(crc32c(sealed, 0, 12), 8);
  return sealed;
}

function encodeSeries(series: Series, writer: ColumnWriter): SeriesHead | Series {
  if (!columns.every((column) => series[column].every(Number.isSafeInteger))) return series;
  for (const column of columns)
    writer.write(series[column], column === 'at' ? 2 : column === 'value' ? 0 : 1);
  return { n: series.at.length, floor: series.floor, replaced: series.replaced };
}

/** The inverse of {@link sealCheckpoint}; reads format 1 too. Rejects with ATL_CHECKPOINT_DAMAGED, saying what is wrong. */
export async function decodeCheckpoint(bytes: Uint8Array): Promise<FoldSnapshot> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return buffer.subarray(0, 8).equals(MAGIC) ? await decodeFormat2(buffer) : decodeFormat1(buffer);
  } catch (cause) {
    if (cause instanceof AtalaiaError) throw cause;
    throw damaged('it is not whole', cause);
  }
}

/** Format 1: eight hexadecimal digits of the checksum, LF, JSON. */
function decodeFormat1(buffer: Buffer): FoldSnapshot {
  const body = buffer.subarray(9);
  if (buffer.toString('latin1', 0, 9) !== `${crc32c(body).toString(16).padStart(8, '0')}\n`)
    throw damaged('its checksum is wrong');
  return JSON.parse(body.toString('utf8')) as FoldSnapshot;
}

async function decodeFormat2(sealed: Buffer): Promise<FoldSnapshot> {
  if (sealed.length < BODY_AT || sealed.readUInt32LE(8) !== crc32c(sealed, 0, 12))
    throw damaged('its checksum is wrong');
  const buffer = await inflated(sealed.subarray(BODY_AT), { maxOutputLength: MAX_UNPACKED });
  const end = sealed.readUInt32LE(12);
  const head = JSON.parse(buffer.toString('utf8', 0, end)) as Omit<FoldSnapshot, 'stations'> & {
    readonly stations: readonly StationHead[];
  };
  const reader = new ColumnReader(buffer, end);
  const decode = (series: SeriesHead | Series): Series =>
    'n' in series
      ? {
          at: reader.read(series.n, 2),
          interval: reader.read(series.n, 1),
          cover: reader.read(series.n, 1),
          value: reader.read(series.n, 0),
          floor: series.floor,
          replaced: series.replaced,
        }
      : series;
  const stations = head.stations.map((station) => ({
    ...station,
    series: station.series.map(([name, series]) => [name, decode(series)] as const),
  }));
  if (reader.at !== buffer.length) throw damaged('bytes are left over');
  return { ...head, stations };
}

const damaged = (why: string, cause?: unknown): AtalaiaError =>
  new AtalaiaError(
    'ATL_CHECKPOINT_DAMAGED',
    `A checkpoint cannot be read: ${why}. The one before it is used, or the log from its beginning; nothing needs to be done.`,
    { cause },
  );
