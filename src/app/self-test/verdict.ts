import { isSelfTestRecipient } from '../../model/self-test.ts';
import { formatInstant } from '../../model/time.ts';
import type { Delivery } from '../../store/ledger/delivery.ts';

/** A test that has begun, as the ledger keeps it. */
export interface SelfTestRun {
  /** Id of its command. */
  readonly command: string;
  readonly alert: string;
  /** When it began, epoch ms. */
  readonly at: number;
  readonly by: string;
  readonly channels: readonly string[];
  readonly deadlineMs: number;
}

export interface ChannelVerdict {
  readonly channel: string;
  readonly state: 'waiting' | 'delivered' | 'late' | 'failed';
  /** From the beginning of the test to the receiver's acknowledgement, ms. */
  readonly tookMs?: number;
  readonly reason?: string;
}

export interface RunVerdict {
  readonly run: SelfTestRun;
  readonly state: 'running' | 'passed' | 'failed';
  readonly channels: readonly ChannelVerdict[];
}

/** What came of a test by `now`: passed when each channel took its message within the deadline. */
export function judgeRun(run: SelfTestRun, deliveries: readonly Delivery[], now: number): RunVerdict {
  const tests = deliveries.filter(({ subscription }) => isSelfTestRecipient(subscription));
  const channels = run.channels.map((channel) =>
    judgeChannel(
      run,
      channel,
      tests.find(({ subscription }) => subscription.channel === channel),
      now,
    ),
  );
  const has = (...states: readonly ChannelVerdict['state'][]): boolean =>
    channels.some(({ state }) => states.includes(state));
  const state = has('failed', 'late') ? 'failed' : has('waiting') ? 'running' : 'passed';
  return { run, state, channels };
}

function judgeChannel(
  { at, deadlineMs }: SelfTestRun,
  channel: string,
  delivery: Delivery | undefined,
  now: number,
): ChannelVerdict {
  const { deliveredAt, state, lastError } = delivery ?? {};
  if (deliveredAt !== undefined) {
    const tookMs = Math.max(0, deliveredAt - at);
    return { channel, state: tookMs <= deadlineMs ? 'delivered' : 'late', tookMs };
  }
  if (state === 'dropped' || state === 'dead' || now - at > deadlineMs) {
    const without = delivery
      ? 'not delivered in time'
      : 'never handed to the channel: the alert did not come through log, fold and outbox in time';
    return { channel, state: 'failed', reason: lastError ?? without };
  }
  return { channel, state: 'waiting', ...(lastError === undefined ? {} : { reason: lastError }) };
}

/** The state of the daily test: of its newest run, or that none began when one was due. */
export interface SelfTestStatus {
  readonly state: 'none' | 'running' | 'passed' | 'failed' | 'missed';
  /** Whether people can be warned as far as the last finished test says. */
  readonly ok: boolean;
  /** In a sentence. */
  readonly detail: string;
  readonly newest: RunVerdict | null;
  readonly nextAt: number;
}

/** @param missedAt since when a test is overdue that has not begun, epoch ms; null: none is */
export function judgeAll(
  runs: readonly RunVerdict[],
  missedAt: number | null,
  nextAt: number,
): SelfTestStatus {
  const [newest, previous] = runs;
  if (missedAt !== null) {
    const detail = `the test that was due by ${formatInstant(missedAt)} has not begun`;
    return { state: 'missed', ok: false, detail, newest: newest ?? null, nextAt };
  }
  if (!newest) return { state: 'none', ok: true, detail: 'no test yet', newest: null, nextAt };
  // While one runs the one before it counts: a failure is not forgotten by trying again.
  const decided = newest.state === 'running' ? previous : newest;
  const bad = decided?.state === 'failed' ? decided : undefined;
  return {
    state: newest.state,
    ok: bad === undefined,
    detail: bad ? failureOf(bad) : `${newest.state}, ${formatInstant(newest.run.at)}`,
    newest,
    nextAt,
  };
}

const failureOf = ({ run, channels }: RunVerdict): string => {
  const wrong = channels.filter(({ state }) => state === 'failed' || state === 'late');
  const list = wrong.map(({ channel, state, reason }) => `${channel}: ${reason ?? state}`);
  return `the test of ${formatInstant(run.at)} failed: ${list.join('; ')}`;
};
