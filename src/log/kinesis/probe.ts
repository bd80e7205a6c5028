import type { Clock } from '../../lib/clock.ts';
import { Api, failureOf, type KinesisAccess } from './client.ts';

/** Asks for the stream, changing nothing: its state and shards, null when there is none yet. Rejects when it cannot. */
export async function probeKinesis(
  access: KinesisAccess,
  stream: string,
  clock: Clock,
): Promise<string | null> {
  const api = await Api.open({ ...access, requestTimeoutMs: 5000 }, clock);
  try {
    const { StreamDescriptionSummary: found } = await api.send((client, options) =>
      client.send(new api.sdk.DescribeStreamSummaryCommand({ StreamName: stream }), options),
    );
    return `${found?.StreamStatus}, ${found?.OpenShardCount} shards`;
  } catch (error) {
    if (failureOf(error).id === 'ResourceNotFoundException') return null;
    throw error;
  } finally {
    api.close();
  }
}
