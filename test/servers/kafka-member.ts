import { openKafkaMembership } from '../../src/log/kafka/membership.ts';

// A process of its own that joins a group and tells on standard output what it holds: to be killed by a test.
const [broker, topic, groupPrefix, group] = process.argv.slice(2) as [string, string, string, string];
const membership = await openKafkaMembership({
  brokers: [broker],
  topic,
  groupPrefix,
  sessionTimeoutMs: 3000,
});
const tell = (what: string) => (partitions: readonly number[]) => console.log(`${what} ${partitions.join()}`);
await membership.join(group, { onAssigned: tell('assigned'), onRevoked: tell('revoked') });
