/** What a network is: from this everything that grows with it is computed. */
export interface Network {
  readonly stations: number;
  /** Between two reports of a station, s. */
  readonly intervalSeconds: number;
  readonly readingsPerReport: number;
  /** Alert revisions a month, over good and bad months. */
  readonly revisionsPerMonth: number;
  /** Text messages a month. */
  readonly textsPerMonth: number;
  /** Months of observations that PostgreSQL keeps; older ones are in the lake alone. */
  readonly archiveMonths: number;
}

export interface Profile {
  readonly summary: string;
  readonly network: Network;
  /** Availability zones. */
  readonly zones: 2 | 3;
  readonly natGateways: number;
  /** Private doors to AWS's services: no byte of the log goes through a NAT gateway. */
  readonly hasInterfaceEndpoints: boolean;
  readonly stream: {
    readonly shards: number;
    readonly retentionHours: number;
    /** Enhanced fan-out: each task reads with 2 MB/s per shard of its own. Needed from the third task on. */
    readonly hasFanOut: boolean;
  };
  readonly tasks: {
    /** 1024 = one virtual processor. */
    readonly cpu: 512 | 1024 | 2048 | 4096 | 8192;
    readonly memoryMiB: number;
    readonly min: number;
    readonly max: number;
    /** Partitions of the log, fixed for its life. */
    readonly partitions: number;
    readonly ephemeralGiB: number;
    /** A partition is kept at most once in this time: each is a paid request, and what was not kept is folded again after a failure. */
    readonly checkpointSeconds: number;
  };
  readonly database: {
    /** As in `r7g.large`. */
    readonly instance: string;
    readonly storageGiB: number;
    readonly maxStorageGiB: number;
    readonly backupDays: number;
    /** Databases that share the archive beside the first one, which has the ledger. */
    readonly archiveShards: number;
    readonly readReplicas: number;
  };
  /** Spend on text messages that raises an alarm, US dollars a month. */
  readonly textBudget: number;
}

/**
 * Sizes for three networks. They follow docs/scaling.md: state per station, bytes per observation and reports a second;
 * test/profiles.test.ts computes each bound again.
 */
export const profiles = {
  municipal: {
    summary: 'a city and its river basin',
    network: {
      stations: 200,
      intervalSeconds: 600,
      readingsPerReport: 6,
      revisionsPerMonth: 3_000,
      textsPerMonth: 2_000,
      archiveMonths: 120,
    },
    zones: 2,
    natGateways: 1,
    hasInterfaceEndpoints: false,
    stream: { shards: 1, retentionHours: 168, hasFanOut: false },
    tasks: {
      cpu: 1024,
      memoryMiB: 2048,
      min: 2,
      max: 2,
      partitions: 64,
      ephemeralGiB: 21,
      checkpointSeconds: 60,
    },
    database: {
      instance: 't4g.medium',
      storageGiB: 100,
      maxStorageGiB: 500,
      backupDays: 14,
      archiveShards: 0,
      readReplicas: 0,
    },
    textBudget: 150,
  },
  state: {
    summary: 'a state of Brazil, or a country of Central America',
    network: {
      stations: 3_000,
      intervalSeconds: 300,
      readingsPerReport: 6,
      revisionsPerMonth: 60_000,
      textsPerMonth: 50_000,
      archiveMonths: 36,
    },
    zones: 2,
    natGateways: 2,
    hasInterfaceEndpoints: false,
    stream: { shards: 2, retentionHours: 168, hasFanOut: true },
    tasks: {
      cpu: 2048,
      memoryMiB: 8192,
      min: 2,
      max: 6,
      partitions: 64,
      ephemeralGiB: 21,
      checkpointSeconds: 60,
    },
    database: {
      instance: 'r7g.large',
      storageGiB: 1_000,
      maxStorageGiB: 4_000,
      backupDays: 35,
      archiveShards: 0,
      readReplicas: 1,
    },
    textBudget: 2_500,
  },
  national: {
    summary: 'every station of Brazil, public and private',
    network: {
      stations: 20_000,
      intervalSeconds: 600,
      readingsPerReport: 6,
      revisionsPerMonth: 600_000,
      textsPerMonth: 1_000_000,
      archiveMonths: 36,
    },
    zones: 3,
    natGateways: 3,
    hasInterfaceEndpoints: true,
    stream: { shards: 4, retentionHours: 168, hasFanOut: true },
    tasks: {
      cpu: 4096,
      memoryMiB: 16_384,
      min: 3,
      max: 12,
      partitions: 256,
      ephemeralGiB: 30,
      checkpointSeconds: 300,
    },
    database: {
      instance: 'r7g.xlarge',
      storageGiB: 1_000,
      maxStorageGiB: 8_000,
      backupDays: 35,
      archiveShards: 2,
      readReplicas: 1,
    },
    textBudget: 40_000,
  },
} as const satisfies Record<string, Profile>;

export type ProfileName = keyof typeof profiles;
export const profileNames = Object.keys(profiles) as readonly ProfileName[];

/** The profile of this name; throws and names all when there is none. */
export function profileOf(name: string): Profile {
  const found = profileNames.find((known) => known === name);
  if (!found) throw new Error(`There is no profile "${name}". Give -c profile=${profileNames.join('|')}.`);
  return profiles[found];
}
