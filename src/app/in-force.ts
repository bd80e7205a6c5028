import type { Station } from '../model/station.ts';
import { subscriptionsOf } from './config/roster-config.ts';
import { putSubscriberSecret } from './deliveries/subscribers.ts';
import type { Intake } from './intake/intake.ts';
import type { CommandRelay } from './relay.ts';
import type { Stores } from './stores/stores.ts';
import type { SystemOptions } from './system-options.ts';
import { Ticker } from './ticker.ts';

/** Stations, and the areas that they belong to. */
export async function putRegistry(
  relay: CommandRelay,
  stations: readonly Station[],
  intake: Intake,
): Promise<void> {
  await relay.putStations(stations);
  await relay.putAreas(intake.areas(), stations);
}

/** The registry as it is, and everything of this start in force: processes that start at once take turns. */
export async function begin(
  options: SystemOptions,
  stores: Stores,
  relay: CommandRelay,
  intake: Intake,
  recordingFrom: number | null,
): Promise<void> {
  const put = (): Promise<void> => putInForce(options, stores, relay, intake, recordingFrom);
  await (stores.shared?.exclusively(put) ?? put());
  await intake.foldLeft();
}

/** Rules, registry and recording of this start are put in force unless they are already. */
async function putInForce(
  { rules, stations, areas, config, clock }: SystemOptions,
  { ledger, log }: Stores,
  relay: CommandRelay,
  intake: Intake,
  recordingFrom: number | null,
): Promise<void> {
  await relay.relay();
  // A later fold of this log by `replay --log` must forgive the same lateness, and judge as this one does.
  await ledger.putMeta('lateness', String(config.pipeline.lateness));
  await ledger.putMeta('quality', config.pipeline.quality);
  if (stations.length > 0) await ledger.putStations(stations);
  await intake.load();
  if (recordingFrom !== null) await relay.putRecording(recordingFrom, 0);
  // A live registry counts silence from now on, so the clock stands before the stations come.
  else if (((await log.bounds(0)).next ?? 0) === 0)
    await new Ticker(log, clock, Number.NEGATIVE_INFINITY, () => {}).once();
  intake.setAreas(areas ?? []);
  await putRegistry(relay, intake.stations(), intake);
  await relay.putRules(rules);
  await relay.putClimatology();
  await putSubscriberSecret(ledger);
  await ledger.putSubscriptions('config', subscriptionsOf(config));
}
