/**
 * List prices of AWS, US dollars, in us-east-1 (Northern Virginia), without discounts, free tiers and taxes.
 * Written down from memory: no price list could be read when they were entered. Check them before a decision, at the
 * pages named; a correction belongs here, and `node cost.ts --write` then carries it into the documentation.
 */
export const prices = {
  source: 'from memory, not checked against a price list',
  date: '2026-11-22',
  region: 'us-east-1',
  /** São Paulo over us-east-1 for a mix such as this one; an estimate, from memory too. */
  saoPauloFactor: 1.6,
  hoursPerMonth: 730,
  /** aws.amazon.com/kinesis/data-streams/pricing: provisioned mode. */
  kinesis: {
    shardHour: 0.015,
    /** Beyond 24 hours, up to seven days. */
    extendedRetentionShardHour: 0.02,
    /** A put unit is 25 KB of one record. */
    putUnitsMillion: 0.014,
    putUnitBytes: 25 * 1024,
    fanOutConsumerShardHour: 0.015,
    fanOutGb: 0.013,
  },
  /** aws.amazon.com/fargate/pricing: Linux on ARM. */
  fargate: { vcpuHour: 0.03238, gbHour: 0.00356, ephemeralGbHour: 0.000111, ephemeralFreeGb: 20 },
  /** aws.amazon.com/rds/postgresql/pricing: one zone; two zones cost twice as much. */
  rds: {
    instanceHour: {
      't4g.medium': 0.065,
      'r7g.large': 0.239,
      'r7g.xlarge': 0.478,
      'r7g.2xlarge': 0.956,
    } as Readonly<Record<string, number>>,
    /** gp3. */
    storageGbMonth: 0.115,
    /** Beyond the size of the database itself. */
    backupGbMonth: 0.095,
    /** Export of a snapshot to S3, per GB of the snapshot. */
    exportGb: 0.01,
  },
  /** aws.amazon.com/s3/pricing. */
  s3: { standardGbMonth: 0.023, glacierInstantGbMonth: 0.004, putsThousand: 0.005 },
  /** aws.amazon.com/sns: a text message to Brazil. */
  sns: { publishesMillion: 0.5, textToBrazil: 0.03 },
  /** aws.amazon.com/elasticloadbalancing/pricing. */
  balancer: { hour: 0.0225, unitHour: 0.008 },
  /** aws.amazon.com/vpc/pricing. */
  network: { natHour: 0.045, natGb: 0.045, endpointZoneHour: 0.01, publicAddressHour: 0.005 },
  /** aws.amazon.com/cloudwatch/pricing. */
  cloudwatch: { metricMonth: 0.3, alarmMonth: 0.1, logsGb: 0.5 },
  secretMonth: 0.4,
  keyMonth: 1,
} as const;
