import type { AlertEvent, AlertRevision } from '../../model/alert.ts';
import type { Ledger } from './ledger.ts';
import type { Subscription } from './subscription.ts';

/** 2024-04-30T06:00:00Z. */
export const sampleAt = 1714456800000;

/** A revision for tests: a red alert of A801 that fields of `event` replace. */
export function sampleRevision(
  event: Partial<AlertEvent> = {},
  rest: Partial<Omit<AlertRevision, 'event'>> = {},
): AlertRevision {
  return {
    event: {
      alert: 'a'.repeat(32),
      revision: 1,
      event: 'raised',
      rule: 'chuva-intensa',
      hazard: 'rain',
      subject: { kind: 'station', id: 'A801' },
      level: 'red',
      onsetAt: sampleAt,
      at: sampleAt,
      issuedAt: sampleAt + 1000,
      evidence: [
        {
          expression: 'sum(rainfall, 1h) >= 60 mm',
          value: 62.4,
          unit: 'mm',
          threshold: 60,
          from: sampleAt - 3_600_000,
          to: sampleAt,
          coverage: 1,
          observations: 4,
        },
      ],
      ...event,
    },
    ruleSet: 'f'.repeat(64),
    expiresAt: sampleAt + 6 * 3_600_000,
    unverified: false,
    levelSinceAt: sampleAt,
    ...rest,
  };
}

/** A subscription for tests. */
export const sampleSubscription = (id: string): Subscription => ({
  id,
  name: id,
  channel: 'ops',
  level: 'yellow',
  areas: 'all',
});

/** A revision of one alert. */
export const raise = (alert: string, event: Partial<AlertEvent> = {}, rest = {}): AlertRevision =>
  sampleRevision({ alert, ...event }, rest);

/** Takes the partition over and commits the revisions as its next records. */
export async function commitAll(
  ledger: Ledger,
  revisions: readonly AlertRevision[],
  partition = 0,
): Promise<void> {
  const { epoch, offset } = await ledger.acquire(partition);
  const rows = revisions.map((revision, index) => ({ offset: offset + index, index: 0, revision }));
  const to = offset + Math.max(1, revisions.length);
  await ledger.commit([{ partition, epoch, from: offset, to, revisions: rows, clockAt: sampleAt }]);
}
