import type { Clock } from '../lib/clock.ts';
import type { Journal } from '../lib/journal.ts';
import type { Random } from '../lib/random.ts';
import type { Area, Border } from '../model/area.ts';
import type { Rule } from '../model/rule.ts';
import type { Station } from '../model/station.ts';
import type { Template } from '../rules/template.ts';
import type { Config } from './config/schema.ts';

/** What a start is given. */
export interface SystemOptions {
  readonly config: Config;
  /** The configuration's file, for messages. */
  readonly file?: string | null;
  readonly rules: readonly Rule[];
  /** Alerts prepared to be raised by hand. */
  readonly templates?: readonly Template[];
  readonly stations: readonly Station[];
  /** Named areas beside the regions. */
  readonly areas?: readonly Area[];
  /** Borders of municipalities by IBGE geocode. */
  readonly borders?: ReadonlyMap<string, Border>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Journal;
  readonly webRoot: string | null;
  readonly version: string;
  /** What cannot be gone on from: the process must end. */
  readonly onFatal: (error: unknown) => void;
}

/** How the parts that were started stop, in that order. */
export type Stops = (() => Promise<void>)[];
