import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as rds from 'aws-cdk-lib/aws-rds';
import type * as secrets from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { Profile } from '../profiles.ts';
import type { Network } from './network.ts';

export const DATABASE_NAME = 'atalaia';
const USER = 'atalaia';

/** PostgreSQL in two zones: the ledger and the archive, or the archive on shards of its own; a replica for what people read. */
export class Database extends Construct {
  readonly main: rds.DatabaseInstance;
  readonly shards: readonly rds.DatabaseInstance[];
  readonly replica: rds.DatabaseInstanceReadReplica | undefined;
  /** One user and password for all of them. */
  readonly secret: secrets.ISecret;

  constructor(scope: Construct, id: string, network: Network, { database, network: { stations } }: Profile) {
    super(scope, id);
    this.secret = new rds.DatabaseSecret(this, 'User', { username: USER });
    const engine = rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 });
    const parameterGroup = new rds.ParameterGroup(this, 'Parameters', {
      engine,
      description: `Atalaia, ${stations} stations`,
      parameters: {
        'rds.force_ssl': '1',
        // An acknowledged commit stands in both zones; what waits longest for it is no alert but a batch of the archive.
        synchronous_commit: 'on',
        log_min_duration_statement: '1000',
        // Months of observations come and go as partitions.
        autovacuum_vacuum_insert_scale_factor: '0.02',
      },
    });
    const common = {
      vpc: network.vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
      securityGroups: [network.database],
      instanceType: new ec2.InstanceType(database.instance),
      parameterGroup,
      storageType: rds.StorageType.GP3,
      maxAllocatedStorage: database.maxStorageGiB,
      autoMinorVersionUpgrade: true,
      deletionProtection: true,
      removalPolicy: RemovalPolicy.SNAPSHOT,
      cloudwatchLogsExports: ['postgresql'],
      copyTagsToSnapshot: true,
    };
    const primary = (name: string, credentials: rds.Credentials): rds.DatabaseInstance =>
      new rds.DatabaseInstance(this, name, {
        ...common,
        engine,
        credentials,
        storageEncrypted: true,
        databaseName: DATABASE_NAME,
        multiAz: true,
        allocatedStorage: database.storageGiB,
        backupRetention: Duration.days(database.backupDays),
        // The quietest hours of Brazil, and not one after the other.
        preferredBackupWindow: '05:00-06:00',
        preferredMaintenanceWindow: 'wed:07:00-wed:08:00',
      });
    this.main = primary('Main', rds.Credentials.fromSecret(this.secret));
    // A secret belongs to one instance; the shards are given its words.
    const same = rds.Credentials.fromPassword(USER, this.secret.secretValueFromJson('password'));
    this.shards = Array.from({ length: database.archiveShards }, (_, i) => primary(`Archive${i}`, same));
    this.replica =
      database.readReplicas === 0
        ? undefined
        : new rds.DatabaseInstanceReadReplica(this, 'Replica', {
            ...common,
            sourceDatabaseInstance: this.main,
          });
  }

  get all(): readonly rds.DatabaseInstance[] {
    return [this.main, ...this.shards];
  }
}

/** Address of a database without password: the client takes it from PGPASSWORD. The certificate is checked. */
export const urlOf = (database: { readonly dbInstanceEndpointAddress: string }): string =>
  `postgresql://${USER}@${database.dbInstanceEndpointAddress}:5432/${DATABASE_NAME}?sslmode=verify-full`;
