import type { Clock } from '../../lib/clock.ts';
import { type KafkaAccess, loadClient } from './client.ts';
import { Cluster } from './cluster.ts';

/** Connects and describes the topic, changing nothing: its partitions, null when there is none yet. Rejects when it cannot. */
export async function probeKafka(access: KafkaAccess, topic: string, clock: Clock): Promise<number | null> {
  const cluster = new Cluster(await loadClient(), access, clock);
  try {
    return (await cluster.topic(topic))?.leaders.length ?? null;
  } finally {
    await cluster.close();
  }
}
