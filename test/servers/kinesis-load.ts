import type { KinesisClient } from '@aws-sdk/client-kinesis';
import type { Log } from '../../src/log/log.ts';

// What a stream has to bear in tests: writers that know what was acknowledged, and a service in trouble.

export const record = (partition: number, text: string) => ({
  partition,
  key: 'k',
  payload: Buffer.from(text),
});

/** A writer per partition that waits for each answer; returns what was acknowledged, by partition. */
export function writers(log: Log, partitions: number) {
  let isOver = false;
  const acknowledged = Array.from({ length: partitions }, () => new Map<number, string>());
  const done = Promise.all(
    acknowledged.map(async (own, partition) => {
      for (let i = 0; !isOver; i++) {
        const [offset] = await log.append([record(partition, `${partition}:${i}`)]);
        own.set(offset as number, `${partition}:${i}`);
      }
    }),
  );
  return {
    acknowledged,
    async stop() {
      isOver = true;
      await done;
    },
  };
}

/** Stands between the SDK and the wire: calls on, or does what a service in trouble does. */
export type Fault = (
  command: string,
  call: () => Promise<unknown>,
  input: { Records?: unknown[] },
) => Promise<unknown>;
/** Puts a fault into a client; for `configure` of {@link KinesisAccess}. */
export const withFaults =
  (fault: Fault) =>
  (client: KinesisClient): void =>
    client.middlewareStack.add(
      (next, context) => async (args) =>
        (await fault(
          (context as { commandName?: string }).commandName ?? '',
          () => next(args),
          args.input as { Records?: unknown[] },
        )) as Awaited<ReturnType<typeof next>>,
      { step: 'initialize', name: 'faults' },
    );

export const named = (name: string): Error => Object.assign(new Error(`injected ${name}`), { name });

/**
 * A service that throttles, loses answers of what it did, and refuses a part of the entries of PutRecords, by chance.
 * A mutable count tells how often.
 */
export function inTrouble(random: () => number): { readonly fault: Fault; faults: number } {
  const trouble = { fault: troubled, faults: 0 };
  async function troubled(command: string, call: () => Promise<unknown>, input: { Records?: unknown[] }) {
    const dice = random();
    if (command === 'GetRecordsCommand' && dice < 0.2) throw named('ProvisionedThroughputExceededException');
    if (command === 'GetRecordsCommand' && dice < 0.25) throw named('ExpiredIteratorException');
    if (command !== 'PutRecordsCommand') return call();
    if (dice < 0.15) throw named('ProvisionedThroughputExceededException');
    if (dice < 0.35) {
      // Carried out, but nobody hears of it.
      await call();
      trouble.faults++;
      throw named('TimeoutError');
    }
    if (dice <= 0.8) return call();
    // Some entries are refused: they must not be sent, and the answer has to name them.
    const all = input.Records as unknown[];
    const kept = all.map(() => random() < 0.5);
    const sent = all.filter((_, i) => kept[i]);
    trouble.faults += all.length - sent.length;
    const refused = { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'injected' };
    if (sent.length === 0)
      return { output: { FailedRecordCount: all.length, Records: all.map(() => refused) }, response: {} };
    input.Records = sent;
    const answer = (await call()) as { output: { Records: unknown[] } };
    const answers = [...answer.output.Records];
    answer.output.Records = kept.map((isKept) => (isKept ? answers.shift() : refused));
    return answer;
  }
  return trouble;
}
