import { answer, failureOf } from './client.ts';
import type { Cluster } from './cluster.ts';

const GROUP_RESOURCE = 32;
/** Heartbeats in the life of a session, and bounds of what lies between two of them, ms. */
const HEARTBEATS = 5;
const LEAST_HEARTBEAT_MS = 300;
const MOST_HEARTBEAT_MS = 5000;

/**
 * Tells the cluster how long this group's members may be silent: dynamic settings of the group (KIP-848, "Group
 * configuration"), within the bounds of the brokers. Repeating it changes nothing.
 * @returns why the cluster did not take it; undefined when it did
 */
export async function setGroupSession(
  cluster: Cluster,
  group: string,
  sessionMs: number,
): Promise<string | undefined> {
  const heartbeatMs = Math.max(
    LEAST_HEARTBEAT_MS,
    Math.min(MOST_HEARTBEAT_MS, Math.round(sessionMs / HEARTBEATS)),
  );
  const { SET } = cluster.client.IncrementalAlterConfigOperationTypes;
  const set = (name: string, value: number) =>
    ({ name, configOperation: SET, value: String(value) }) as const;
  const configs = [
    set('consumer.session.timeout.ms', sessionMs),
    set('consumer.heartbeat.interval.ms', heartbeatMs),
  ];
  try {
    const found = await cluster.ask((connection) =>
      answer(
        cluster.client.incrementalAlterConfigsV1.api.async(
          connection,
          [{ resourceType: GROUP_RESOURCE, resourceName: group, configs }],
          false,
        ),
      ),
    );
    const { errorCode = 0, errorMessage } = found.responses[0] ?? {};
    if (errorCode === 0) return undefined;
    return errorMessage || failureOf(cluster.client, errorCode).id;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
