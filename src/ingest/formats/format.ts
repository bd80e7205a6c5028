import type { RawReport } from '../decode/report.ts';
import type { RawForecast } from '../forecasts.ts';
import type { DateOrder } from './times.ts';

/** A message of a producer as it came over HTTP, MQTT, UDP, a broker or from a file. */
export interface Message {
  readonly body: Uint8Array;
  /** Fields of the query and of a form body; where a name comes twice, all of them. */
  readonly fields?: URLSearchParams;
  /** MQTT topic, routing key or file name. */
  readonly topic?: string;
  /** Epoch ms, UTC. */
  readonly receivedAt: number;
}

/** What the operator says of the stations behind a source, where their messages do not say it. */
export interface Profile {
  /** Our station by the producer's name of it; another one is called `<format>:<producer's name>`. */
  readonly stations?: ReadonlyMap<string, string> | undefined;
  /** IANA zone of times that come without one; without it such times are refused. */
  readonly timeZone?: string | undefined;
  /** Unit by field of the message, where the producer was set to another than usual. */
  readonly units?: ReadonlyMap<string, string> | undefined;
  /** How the bytes of a device are packed, by name (`codecs`); without it what the network server decoded is read. */
  readonly codec?: string | undefined;
  /** ISO 8601 duration that interval quantities cover; without it that of the message, then of the station. */
  readonly interval?: string | undefined;
  /** Quantity by field of the message, where the format does not know the field. */
  readonly quantities?: ReadonlyMap<string, string> | undefined;
  /** Where JSON of the operator's own has what (format `json`). */
  readonly message?: MessageProfile | undefined;
  /** Where a table of the operator's own has what (format `csv`). */
  readonly table?: TableProfile | undefined;
  /** What holds for one station alone, by our name of it. */
  readonly profiles?: ReadonlyMap<string, StationProfile> | undefined;
}

/** What one station is set to, where others behind the same source are not. */
export type StationProfile = Pick<Profile, 'timeZone' | 'units' | 'interval' | 'quantities'>;

/** Places in JSON that say of which report a message is. */
export interface MessageProfile {
  /** Path of the station's name, `device.id`. */
  readonly station?: string | undefined;
  /** Which segment of the topic is the station's name, from 1. */
  readonly stationTopic?: number | undefined;
  /** Path of the time: RFC 3339, epoch seconds or milliseconds, or local time in the profile's zone. Without it when it came. */
  readonly time?: string | undefined;
  /** Path of a list whose elements are a report each. */
  readonly each?: string | undefined;
  /** What a field is to be multiplied by: 0.2 mm for each tip of a bucket. */
  readonly scales?: ReadonlyMap<string, number> | undefined;
}

/** Columns of a table that say of which report a row is. */
export interface TableProfile {
  /** Without it the name of the file, up to its first dot, is the station's. */
  readonly station?: string | undefined;
  /** Columns that are the time when they are joined by a space. */
  readonly time: readonly string[];
  /** Order of day and month in `01/05/2024`; without it such dates are refused. */
  readonly dates?: DateOrder | undefined;
  readonly interval?: string | undefined;
  /** Where each row is one value: the columns that name the quantity and hold the value. */
  readonly quantity?: string | undefined;
  readonly value?: string | undefined;
  /** Texts that mean that there is no value, beside an empty one. */
  readonly missing?: readonly string[] | undefined;
  readonly separator?: string | undefined;
  /** Which row is the header, from 0. */
  readonly header?: number | undefined;
}

/** A field that gives no reading, and why. */
export interface Ignored {
  /** Place in the message: `outTemp`, `data.conditions[1].hum`. */
  readonly path: string;
  readonly why: string;
  /** The format knows the field and reads it otherwise or not at all: nothing that was measured is lost. */
  readonly isMeant?: true;
}

/** Of what is ignored, that which may have been meant to be read. */
export const unread = (ignored: readonly Ignored[]): readonly Ignored[] =>
  ignored.filter(({ isMeant }) => !isMeant);

/** What a message says of a station beside its readings. */
export interface StationHint {
  readonly station: string;
  readonly name?: string;
  readonly latitude?: number;
  readonly longitude?: number;
  /** Metres above mean sea level. */
  readonly altitude?: number;
}

/** A message in our words; nothing is checked yet: `checkReport` does, whatever the door. */
export interface Decoding {
  readonly reports: readonly RawReport[];
  readonly ignored: readonly Ignored[];
  readonly stations: readonly StationHint[];
  /** What is expected and was not measured, where the producer tells that too. */
  readonly forecasts?: readonly RawForecast[];
}

/** The form in which a kind of producer writes its messages. Pure: the same message always reads the same. */
export interface Format {
  readonly name: string;
  readonly summary: string;
  /**
   * Reads one message. What is no message of this form at all is an AtalaiaError ATL_UNREADABLE that says what was
   * expected; a field that cannot be used is ignored with its reason.
   */
  decode(message: Message, profile: Profile): Decoding;
  /** The zone of days that its service is asked for and answers in; default UTC. */
  readonly timeZone?: string;
  /** Address of the page that follows this answer, where the service gives its answers in pages. */
  next?(message: Message): string | undefined;
}

/** Our name of a producer's station. Letters that a station id cannot have become `-`. */
export function stationOf(format: string, name: string, profile: Profile): string {
  const known = profile.stations?.get(name);
  if (known !== undefined) return known;
  return `${format}:${name.replace(/[^A-Za-z0-9._:-]/g, '-')}`.slice(0, 64);
}
