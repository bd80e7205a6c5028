/** What a sink promises about a crash between effects and position (design section 5, "Guarantees"). */
export const guarantees = ['exactly-once', 'at-least-once', 'at-most-once'] as const;
export type Guarantee = (typeof guarantees)[number];

export const sinkNames = ['ledger', 'archive', 'topic'] as const;
export type SinkName = (typeof sinkNames)[number];

/** The guarantee of each sink. */
export type Guarantees = Readonly<Record<SinkName, Guarantee>>;

export const exactlyOnce: Guarantees = {
  ledger: 'exactly-once',
  archive: 'exactly-once',
  topic: 'exactly-once',
};

/**
 * Hears each point where a crash makes a difference, named as in {@link CrashPoint}; what it awaits is awaited. The
 * tests of the guarantees stop the process there; production gives none.
 */
export type Probe = (point: CrashPoint) => void | Promise<void>;
export type CrashPoint =
  | 'acquired'
  | 'fetched'
  | 'mid-batch'
  | 'folded'
  | 'committed'
  | 'checkpointed'
  | `${SinkName}:${'before' | 'between' | 'after'}`;

/** The ways to write a batch: effects and position in one transaction, or each in its own. */
export interface Writes {
  both(): Promise<void>;
  effects(): Promise<void>;
  position(): Promise<void>;
}

/** Writes in the order that the guarantee asks for: three guarantees are three orders of the same writes. */
export async function writeBy(
  guarantee: Guarantee,
  sink: SinkName,
  writes: Writes,
  probe: Probe | undefined,
): Promise<void> {
  await probe?.(`${sink}:before`);
  if (guarantee === 'exactly-once') await writes.both();
  else {
    const [first, second] =
      guarantee === 'at-most-once' ? [writes.position, writes.effects] : [writes.effects, writes.position];
    await first();
    await probe?.(`${sink}:between`);
    await second();
  }
  await probe?.(`${sink}:after`);
}

const what: Readonly<Record<SinkName, string>> = {
  ledger: 'alert revisions of the ledger',
  archive: 'observations of the archive',
  topic: 'alert events of the topic',
};

/** One sentence for each sink that is less than exactly once: what a crash may lose or repeat there. */
export function guaranteeWarnings(chosen: Guarantees, sinks: readonly SinkName[]): string[] {
  return sinks.flatMap((sink) => {
    if (chosen[sink] === 'exactly-once') return [];
    const happens =
      chosen[sink] === 'at-most-once'
        ? 'a crash loses those that were on their way; nobody is told of a lost alert'
        : 'a crash repeats those that were on their way';
    return [`pipeline.guarantee.${sink} is ${chosen[sink]} for the ${what[sink]}: ${happens}.`];
  });
}
