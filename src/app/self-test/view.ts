import type { SelfTestView } from '../../api/deps.ts';
import { formatInstant } from '../../model/time.ts';
import type { SelfTestRun, SelfTestStatus } from './verdict.ts';

/** A test that has just begun. */
export const startedView = ({ command, alert, at, by, channels, deadlineMs }: SelfTestRun): object => ({
  ...{ command, alert, by, channels },
  at: formatInstant(at),
  deadlineAt: formatInstant(at + deadlineMs),
});

/** The daily test as people see it who run the server. */
export const selfTestView = ({ state, ok, detail, newest, nextAt }: SelfTestStatus): SelfTestView => ({
  ...{ state, ok, detail },
  nextAt: formatInstant(nextAt),
  ...(newest ? { at: formatInstant(newest.run.at), by: newest.run.by } : {}),
  channels: newest?.channels ?? [],
});

/** What everybody may know of it: no reason, which may name a receiver. */
export const publicSelfTest = (status: SelfTestStatus): object => {
  const { state, ok, at, channels } = selfTestView(status);
  return { state, ok, at: at ?? null, channels: channels.map(({ channel, state }) => ({ channel, state })) };
};
