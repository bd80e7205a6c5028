import { CfnOutput, Duration, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { Alarms } from './alarms.ts';
import { Copies } from './copies.ts';
import { Database } from './database.ts';
import { Door } from './door.ts';
import { Network } from './network.ts';
import { Scaling } from './scaling.ts';
import { Service } from './service.ts';
import type { Settings } from './settings.ts';
import { Storage } from './storage.ts';

/** Everything of one Atalaia on AWS: docs/operating-on-aws.md. */
export class AtalaiaStack extends Stack {
  constructor(scope: Construct, id: string, settings: Settings) {
    const { account, region, profile, profileName } = settings;
    super(scope, id, {
      env: { account, region },
      description: `Atalaia, real-time weather alerts: ${profile.summary}`,
      terminationProtection: true,
    });
    Tags.of(this).add('system', `atalaia-${profileName}`);
    const network = new Network(this, 'Network', profile);
    const storage = new Storage(this, 'Storage');
    const stream = new kinesis.Stream(this, 'Log', {
      shardCount: profile.stream.shards,
      retentionPeriod: Duration.hours(profile.stream.retentionHours),
      encryption: kinesis.StreamEncryption.MANAGED,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const database = new Database(this, 'Database', network, profile);
    const { alerts, operators } = this.#topics(settings);
    const service = new Service(this, 'Service', { settings, network, stream, database, storage, alerts });
    const door = new Door(this, 'Door', network, service.service, { ...settings, logs: storage.logs });
    new Scaling(this, 'Scaling', service.service, stream, { system: profileName, tasks: profile.tasks });
    new Alarms(this, 'Alarms', operators, {
      ...door,
      system: profileName,
      profile,
      stream,
      service: service.service,
      balancer: door.balancer,
      target: door.target,
      database,
    });
    new Copies(this, 'Copies', { network, cluster: service.cluster, database, storage });
    new CfnOutput(this, 'Address', { value: door.balancer.loadBalancerDnsName });
    new CfnOutput(this, 'AlertsTopic', { value: alerts.topicArn });
  }

  /** One topic that the alerts go to, one for the people who keep the system running. */
  #topics({ alarmEmail }: Settings): { alerts: sns.Topic; operators: sns.Topic } {
    const masterKey = new kms.Key(this, 'TopicKey', {
      description: 'Atalaia: topics',
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const alerts = new sns.Topic(this, 'Alerts', { enforceSSL: true, masterKey });
    const operators = new sns.Topic(this, 'Operators', { enforceSSL: true });
    if (alarmEmail !== undefined) operators.addSubscription(new subscriptions.EmailSubscription(alarmEmail));
    return { alerts, operators };
  }
}
