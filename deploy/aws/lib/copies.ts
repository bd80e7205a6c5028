import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import * as schedules from 'aws-cdk-lib/aws-scheduler-targets';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import * as tasks from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import { DATABASE_NAME, type Database, urlOf } from './database.ts';
import type { Network } from './network.ts';
import type { Storage } from './storage.ts';

/** Tags of the lines in use; pin digests in production. */
export const DUMP_IMAGE = 'public.ecr.aws/docker/library/postgres:17-alpine';
export const COPY_IMAGE = 'public.ecr.aws/aws-cli/aws-cli:latest';
/** What RDS says when a snapshot that somebody asked for is there. */
const SNAPSHOT_MADE = 'RDS-EVENT-0042';
/** Snapshots for the lake are called this and the time. */
const LAKE_SNAPSHOT = 'atalaia-lake';

interface CopiesParts {
  readonly network: Network;
  readonly cluster: ecs.ICluster;
  readonly database: Database;
  readonly storage: Storage;
}

/**
 * Copies beside RDS's own backups: the ledger as a dump each day, locked against removal, and the month before
 * as Parquet in the lake.
 */
export class Copies extends Construct {
  constructor(scope: Construct, id: string, parts: CopiesParts) {
    super(scope, id);
    this.#dumpLedger(parts);
    this.#fillLake(parts);
  }

  #dumpLedger({ network, cluster, database, storage }: CopiesParts): void {
    const task = new ecs.FargateTaskDefinition(this, 'Dump', {
      cpu: 512,
      memoryLimitMiB: 1024,
      ephemeralStorageGiB: 50,
      runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.ARM64 },
      volumes: [{ name: 'dump' }],
    });
    const logGroup = new logs.LogGroup(this, 'DumpLog', { retention: logs.RetentionDays.SIX_MONTHS });
    const logging = ecs.LogDrivers.awsLogs({ streamPrefix: 'dump', logGroup });
    const dump = task.addContainer('dump', {
      image: ecs.ContainerImage.fromRegistry(DUMP_IMAGE),
      essential: false,
      command: [
        'sh',
        '-ec',
        'pg_dump --format=custom --schema=atalaia_ledger --file=/dump/ledger.dump "$DATABASE_URL"; chmod 644 /dump/ledger.dump',
      ],
      environment: { DATABASE_URL: urlOf(database.main).replace('verify-full', 'require') },
      secrets: { PGPASSWORD: ecs.Secret.fromSecretsManager(database.secret, 'password') },
      logging,
    });
    const copy = task.addContainer('copy', {
      image: ecs.ContainerImage.fromRegistry(COPY_IMAGE),
      entryPoint: ['sh', '-ec'],
      command: [
        'aws s3 cp --only-show-errors /dump/ledger.dump "s3://$BUCKET/ledger/$(date -u +%Y/%m/%d/%H%M%S).dump"',
      ],
      environment: { BUCKET: storage.backups.bucketName },
      logging,
    });
    for (const container of [dump, copy])
      container.addMountPoints({ containerPath: '/dump', sourceVolume: 'dump', readOnly: false });
    copy.addContainerDependencies({ container: dump, condition: ecs.ContainerDependencyCondition.SUCCESS });
    // It adds and reads back nothing: a task that was taken over can spoil no backup.
    task.taskRole.addToPrincipalPolicy(
      new iam.PolicyStatement({
        actions: ['s3:PutObject'],
        resources: [storage.backups.arnForObjects('ledger/*')],
      }),
    );
    new events.Rule(this, 'Daily', {
      description: 'Atalaia: the ledger is dumped to the backups',
      schedule: events.Schedule.cron({ hour: '6', minute: '30' }),
      targets: [
        new targets.EcsTask({
          cluster,
          taskDefinition: task,
          subnetSelection: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
          securityGroups: [network.service],
          retryAttempts: 3,
          maxEventAge: Duration.hours(2),
        }),
      ],
    });
  }

  #fillLake({ database, storage }: CopiesParts): void {
    const { region, account, partition } = Stack.of(this);
    const exporter = new iam.Role(this, 'Exporter', {
      description: 'RDS writes snapshots of the archive to the lake',
      assumedBy: new iam.ServicePrincipal('export.rds.amazonaws.com'),
    });
    exporter.addToPolicy(
      new iam.PolicyStatement({
        actions: ['s3:PutObject', 's3:GetObject', 's3:DeleteObject'],
        resources: [storage.lake.arnForObjects('archive/*')],
      }),
    );
    exporter.addToPolicy(
      new iam.PolicyStatement({
        actions: ['s3:ListBucket', 's3:GetBucketLocation'],
        resources: [storage.lake.bucketArn],
      }),
    );
    storage.lakeKey.grantEncryptDecrypt(exporter);

    this.#snapshotEachMonth(database);
    const start = tasks.CallAwsService.jsonata(this, 'Export', {
      service: 'rds',
      action: 'startExportTask',
      iamResources: ['*'],
      parameters: {
        ExportTaskIdentifier: `{% 'lake-' & $states.context.Execution.Name %}`,
        SourceArn: '{% $states.input.detail.SourceArn %}',
        S3BucketName: storage.lake.bucketName,
        S3Prefix: 'archive',
        IamRoleArn: exporter.roleArn,
        KmsKeyId: storage.lakeKey.keyArn,
        // The month before: ten days ago, on the second of a month.
        ExportOnly: [
          `{% '${DATABASE_NAME}.atalaia_archive.observations_' & $fromMillis($millis() - 864000000, '[Y0001]_[M01]') %}`,
        ],
      },
    }).addRetry({ maxAttempts: 5, interval: Duration.minutes(2), backoffRate: 2 });
    const machine = new sfn.StateMachine(this, 'ToLake', {
      definitionBody: sfn.DefinitionBody.fromChainable(start),
      timeout: Duration.hours(3),
    });
    exporter.grantPassRole(machine.role);
    storage.lakeKey.grant(machine, 'kms:CreateGrant', 'kms:DescribeKey');
    new events.Rule(this, 'SnapshotMade', {
      description: 'Atalaia: a month of the archive goes to the lake',
      eventPattern: {
        source: ['aws.rds'],
        detailType: ['RDS DB Snapshot Event'],
        detail: {
          EventID: [SNAPSHOT_MADE],
          SourceArn: [{ prefix: `arn:${partition}:rds:${region}:${account}:snapshot:${LAKE_SNAPSHOT}-` }],
        },
      },
      targets: [new targets.SfnStateMachine(machine)],
    });
  }

  #snapshotEachMonth({ main, shards }: Database): void {
    // The archive lies in the first database where there are no shards.
    for (const [i, database] of (shards.length > 0 ? shards : [main]).entries()) {
      new scheduler.Schedule(this, `Monthly${i}`, {
        description: 'Atalaia: a snapshot from which the lake is filled',
        schedule: scheduler.ScheduleExpression.cron({ day: '2', hour: '7', minute: String(i) }),
        target: new schedules.Universal({
          service: 'rds',
          action: 'createDBSnapshot',
          input: scheduler.ScheduleTargetInput.fromObject({
            DbInstanceIdentifier: database.instanceIdentifier,
            DbSnapshotIdentifier: `${LAKE_SNAPSHOT}-${i}-<aws.scheduler.execution-id>`,
          }),
          policyStatements: [
            new iam.PolicyStatement({
              actions: ['rds:CreateDBSnapshot'],
              resources: [
                database.instanceArn,
                Stack.of(this).formatArn({
                  service: 'rds',
                  resource: 'snapshot',
                  resourceName: `${LAKE_SNAPSHOT}-*`,
                  arnFormat: ArnFormat.COLON_RESOURCE_NAME,
                }),
              ],
            }),
          ],
        }),
      });
    }
  }
}
