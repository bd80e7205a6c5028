import type * as kinesis from 'aws-cdk-lib/aws-kinesis';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Database } from './database.ts';
import type { Network } from './network.ts';
import type { Settings } from './settings.ts';
import type { Storage } from './storage.ts';

export interface ServiceParts {
  readonly settings: Settings;
  readonly network: Network;
  readonly stream: kinesis.Stream;
  readonly database: Database;
  readonly storage: Storage;
  readonly alerts: sns.Topic;
}
