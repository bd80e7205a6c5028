import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secrets from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { urlOf } from './database.ts';
import { FRONT_IMAGE, FRONT_PORT, frontCommand, frontConfig } from './front.ts';
import { AGENT_IMAGE, agentEnvironment } from './metrics-agent.ts';
import { grantAtalaia } from './permissions.ts';
import type { ServiceParts } from './service-parts.ts';

/** The certificates of RDS, in the image's target `aws` (Dockerfile). */
const RDS_CERTIFICATES = '/etc/ssl/rds/global-bundle.pem';
const UID = '1000';

/** The configuration of a task, by environment variables alone; `test/integration/aws-entrypoint.test.ts` runs with the same names. */
export function atalaiaEnvironment({
  settings: { profile, environment, profileName },
  stream,
  database,
  storage,
  alerts,
}: ServiceParts): Record<string, string> {
  const region = Stack.of(stream).region;
  const { shards, replica } = database;
  return {
    ATALAIA_ENVIRONMENT: environment,
    ATALAIA_SERVER_ID: `aws-${profileName}`,
    ATALAIA_LOG_KIND: 'kinesis',
    ATALAIA_LOG_STREAM: stream.streamName,
    ATALAIA_LOG_REGION: region,
    // Each task takes a name of its own: `atalaia-`, the ledger's own letters, and 1 to 20.
    ...(profile.stream.hasFanOut ? { ATALAIA_LOG_CONSUMER: 'atalaia' } : {}),
    ATALAIA_STORE_KIND: 'postgresql',
    ATALAIA_STORE_URL: urlOf(database.main),
    ...(replica && shards.length === 0 ? { ATALAIA_STORE_READURL: urlOf(replica) } : {}),
    ...(shards.length > 0 ? { ATALAIA_STORE_SHARDS: `[${shards.map(urlOf).map(quoted).join(', ')}]` } : {}),
    ATALAIA_CHECKPOINTS_KIND: 's3',
    ATALAIA_CHECKPOINTS_BUCKET: storage.checkpoints.bucketName,
    ATALAIA_CHECKPOINTS_REGION: region,
    ATALAIA_PIPELINE_PARTITIONS: String(profile.tasks.partitions),
    ATALAIA_PIPELINE_CHECKPOINTEVERY: `${profile.tasks.checkpointSeconds}s`,
    ATALAIA_CHANNELS: `{ topic: { kind: sns, topic: ${quoted(alerts.topicArn)} }, sms: { kind: sns } }`,
    ATALAIA_SUBSCRIPTIONS: '[{ name: topic, channel: topic, level: yellow, areas: all }]',
    NODE_EXTRA_CA_CERTS: RDS_CERTIFICATES,
    // Three quarters of the memory for the heap; the rest holds buffers and the other containers of the task.
    NODE_OPTIONS: `--max-old-space-size=${Math.floor(profile.tasks.memoryMiB * 0.7)}`,
  };
}

const quoted = (text: string): string => JSON.stringify(text);

/** The tasks: Atalaia, the front that asks for a password, and the agent that carries metrics. */
export class Service extends Construct {
  readonly cluster: ecs.Cluster;
  readonly service: ecs.FargateService;
  readonly task: ecs.FargateTaskDefinition;

  constructor(scope: Construct, id: string, parts: ServiceParts) {
    super(scope, id);
    const { network, settings } = parts;
    const { tasks } = settings.profile;
    this.cluster = new ecs.Cluster(this, 'Cluster', {
      vpc: network.vpc,
      // Its metrics are paid for one by one, and no alarm here needs them.
      containerInsightsV2: ecs.ContainerInsights.DISABLED,
    });
    this.task = new ecs.FargateTaskDefinition(this, 'Task', {
      cpu: tasks.cpu,
      memoryLimitMiB: tasks.memoryMiB,
      ephemeralStorageGiB: tasks.ephemeralGiB,
      runtimePlatform: {
        cpuArchitecture: ecs.CpuArchitecture.ARM64,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
      volumes: [{ name: 'data' }, { name: 'tmp' }, { name: 'front-tmp' }, { name: 'agent-tmp' }],
    });
    this.#addAtalaia(parts);
    this.#addFront();
    this.#addAgent(settings.profileName);
    grantAtalaia(this.task.taskRole, parts);
    this.service = new ecs.FargateService(this, 'Service', {
      cluster: this.cluster,
      taskDefinition: this.task,
      desiredCount: tasks.min,
      // A new task is there before an old one goes: partitions are handed over, never without a holder for long.
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { rollback: true },
      availabilityZoneRebalancing: ecs.AvailabilityZoneRebalancing.ENABLED,
      healthCheckGracePeriod: Duration.minutes(3),
      securityGroups: [network.service],
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      enableExecuteCommand: false,
      propagateTags: ecs.PropagatedTagSource.SERVICE,
    });
  }

  #log(name: string, retention: logs.RetentionDays): { driver: ecs.LogDriver; group: logs.LogGroup } {
    const group = new logs.LogGroup(this, `${name}Log`, { retention, removalPolicy: RemovalPolicy.RETAIN });
    return { group, driver: ecs.LogDrivers.awsLogs({ streamPrefix: name.toLowerCase(), logGroup: group }) };
  }

  #addAtalaia(parts: ServiceParts): void {
    const { repository, tag } = parts.settings;
    const images = ecr.Repository.fromRepositoryName(this, 'Images', repository);
    const container = this.task.addContainer('atalaia', {
      image: ecs.ContainerImage.fromEcrRepository(images, tag),
      environment: atalaiaEnvironment(parts),
      secrets: { PGPASSWORD: ecs.Secret.fromSecretsManager(parts.database.secret, 'password') },
      logging: this.#log('Atalaia', logs.RetentionDays.SIX_MONTHS).driver,
      user: UID,
      readonlyRootFilesystem: true,
      // Time to keep the state of every partition and to hand it over.
      stopTimeout: Duration.seconds(120),
      healthCheck: {
        command: ['CMD', 'node', '/app/deploy/container/healthcheck.mjs'],
        interval: Duration.seconds(15),
        timeout: Duration.seconds(5),
        retries: 4,
        startPeriod: Duration.seconds(180),
      },
    });
    container.addMountPoints(
      { containerPath: '/var/lib/atalaia', sourceVolume: 'data', readOnly: false },
      { containerPath: '/tmp', sourceVolume: 'tmp', readOnly: false },
    );
  }

  #addFront(): void {
    const password = new secrets.Secret(this, 'FrontPassword', {
      description: 'Atalaia: password of the front',
      generateSecretString: { passwordLength: 32, excludePunctuation: true },
    });
    const container = this.task.addContainer('front', {
      image: ecs.ContainerImage.fromRegistry(FRONT_IMAGE),
      command: frontCommand,
      environment: { FRONT_CONFIG: frontConfig },
      secrets: { FRONT_PASSWORD: ecs.Secret.fromSecretsManager(password) },
      portMappings: [{ containerPort: FRONT_PORT }],
      logging: this.#log('Front', logs.RetentionDays.ONE_MONTH).driver,
      readonlyRootFilesystem: true,
    });
    container.addMountPoints({ containerPath: '/tmp', sourceVolume: 'front-tmp', readOnly: false });
    // The load balancer sends to the default container.
    this.task.defaultContainer = container;
  }

  #addAgent(system: string): void {
    const { group, driver } = this.#log('Metrics', logs.RetentionDays.ONE_WEEK);
    const container = this.task.addContainer('metrics', {
      image: ecs.ContainerImage.fromRegistry(AGENT_IMAGE),
      environment: agentEnvironment(system, group.logGroupName),
      logging: driver,
      // Without metrics the dead-man's alarm rings; the warnings themselves go on.
      essential: false,
    });
    container.addMountPoints({ containerPath: '/tmp', sourceVolume: 'agent-tmp', readOnly: false });
    group.grantWrite(this.task.taskRole);
  }
}
