import { formatAlertEvent } from '../../src/alerts/event-json.ts';
import { decodeRecord } from '../../src/log/record-codec.ts';
import { toScaled } from '../../src/model/quantity.ts';
import { checkDeliveries } from './check-deliveries.ts';
import { checkOracle } from './check-oracle.ts';
import type { LogHistory } from './history.ts';
import { type Reference, referenceOf } from './reference.ts';
import { note, violate, type World } from './world.ts';

/** Listens to every commit: positions go forward, ranges join, and nobody of an older epoch gets in. */
export function watchCommits(world: World): void {
  const check = (
    store: string,
    batch: { readonly partition: number; readonly epoch: number; readonly from: number; readonly to: number },
    before: { readonly epoch: number; readonly offset: number },
  ): void => {
    const { partition, epoch, from, to } = batch;
    const place = `${store}, partition ${partition}: epoch ${epoch} commits [${from}, ${to})`;
    if (epoch < before.epoch) violate(world, `${place}, but epoch ${before.epoch} holds it: a zombie wrote`);
    if (from !== before.offset) violate(world, `${place}, but its position is ${before.offset}`);
    if (to < before.offset) violate(world, `${place}: the position goes back from ${before.offset}`);
  };
  world.ledger.onCommit = (batch, before) => {
    check('ledger', batch, before);
    world.scheduler.trace(`ledger ${batch.partition} ${batch.epoch} ${batch.to} ${batch.revisions.length}`);
  };
  world.archive.onCommit = (batch, before) => {
    check('archive', batch, before);
    world.scheduler.trace(
      `archive ${batch.partition} ${batch.epoch} ${batch.to} ${batch.observations.length}`,
    );
  };
}

/** Everything that section 5 of the design promises and a finished run can show. */
export function checkAll(world: World, history: LogHistory): void {
  checkAccepted(world, history);
  const offsets = (partition: number): Set<number> =>
    new Set(world.checkpoints.written.flatMap((one) => (one.partition === partition ? [one.offset] : [])));
  const references = history.entries.map((entries, partition) =>
    referenceOf(world, entries, offsets(partition)),
  );
  references.forEach((reference, partition) => {
    checkLedger(world, reference, partition);
    checkArchive(world, reference, partition);
  });
  checkCheckpoints(world, references);
  const bodies = new Map(
    references.flatMap(({ revisions }) =>
      revisions.map(({ revision: { event } }) => [
        `${event.alert}.${event.revision}`,
        formatAlertEvent(event),
      ]),
    ),
  );
  checkDeliveries(world, bodies);
  for (const reference of references) checkOracle(world, reference);
}

/** What a producer was told is accepted is in the log, with its values. */
function checkAccepted(world: World, history: LogHistory): void {
  const missing = history.missing();
  if (missing.length > 0)
    violate(world, `${missing.length} acknowledged records are not in the log, the first at ${missing[0]}`);
  const known = new Set<string>();
  for (const entry of history.entries.flat()) {
    const record = decodeRecord(entry.payload);
    if (record.kind === 'tick' && record.gap) note(world, 'gap tick');
    if (record.kind !== 'report') continue;
    const { station, observedAt, quantities, values } = record.report;
    known.add(`${station} ${observedAt} ${quantities.map((name, i) => `${name}=${values[i]}`).sort()}`);
  }
  for (const { station, observedAt, rainfall, windGust } of history.accepted) {
    const values = [`rainfall=${toScaled(rainfall)}`, `windGust=${toScaled(windGust)}`];
    const text = `${station} ${observedAt} ${values.sort()}`;
    if (!known.has(text)) violate(world, `an accepted report is lost: ${text}`);
  }
}

/** The first difference of two lists in words, or null. */
function difference(expected: readonly string[], found: readonly string[]): string | null {
  const length = Math.max(expected.length, found.length);
  for (let i = 0; i < length; i++) {
    if (expected[i] !== found[i])
      return `entry ${i} of ${expected.length} expected, ${found.length} found: expected ${expected[i]?.slice(0, 240)}, found ${found[i]?.slice(0, 240)}`;
  }
  return null;
}

function checkLedger(world: World, reference: Reference, partition: number): void {
  const rows = world.ledger.revisions.filter(({ position }) => position.startsWith(`${partition}:`));
  const end = world.ledger.positions.get(partition)?.offset ?? 0;
  const expected = reference.revisions.filter(({ position }) => Number(position.split(':')[1]) < end);
  const text = (one: { readonly position: string; readonly revision: unknown }): string =>
    `${one.position} ${JSON.stringify(one.revision)}`;
  const problem = difference(expected.map(text), rows.map(text));
  if (problem) violate(world, `ledger of partition ${partition} is not the replay of its log: ${problem}`);
  const keys = rows.map(({ revision: { event } }) => `${event.alert}.${event.revision}`);
  const twice = keys.find((key, i) => keys.indexOf(key) !== i);
  if (twice) violate(world, `revision ${twice} is in the ledger twice`);
}

function checkArchive(world: World, { observations }: Reference, partition: number): void {
  const found = world.archive.rows.filter((row) => row.partition === partition);
  const problem = difference(
    observations.map((one) => JSON.stringify(one)),
    found.map(({ observation }) => JSON.stringify(observation)),
  );
  if (problem) violate(world, `archive of partition ${partition} is not that of its log: ${problem}`);
}

/** A checkpoint is the state that the log before it gives. */
function checkCheckpoints(world: World, references: readonly Reference[]): void {
  for (const { partition, offset, json } of world.checkpoints.written) {
    const expected = references[partition]?.states.get(offset);
    if (expected === undefined) violate(world, `checkpoint ${partition}/${offset} lies above the log`);
    else if (expected !== json) {
      let at = 0;
      while (expected[at] === json[at]) at++;
      const near = (text: string): string => text.slice(Math.max(0, at - 60), at + 60);
      violate(
        world,
        `checkpoint ${partition}/${offset} is not the state of its log: expected …${near(expected)}…, found …${near(json)}…`,
      );
    }
  }
}
