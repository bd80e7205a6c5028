import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { APP_PORT, FRONT_PORT } from '../lib/front.ts';
import { profileNames, profiles } from '../profiles.ts';
import { templateOf } from '../synthesize.ts';

type Properties = Record<string, unknown>;
interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource?: unknown;
  readonly NotResource?: unknown;
}

const templates = Object.fromEntries(profileNames.map((name) => [name, templateOf(name)])) as Record<
  (typeof profileNames)[number],
  Template
>;
const all = (template: Template, type: string): Properties[] =>
  Object.values(template.findResources(type)).map(({ Properties }) => Properties as Properties);
const listOf = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value as T];

/** The containers of the tasks that serve, by name. */
function containers(template: Template): Record<string, Properties> {
  const tasks = all(template, 'AWS::ECS::TaskDefinition').map(
    ({ ContainerDefinitions }) => ContainerDefinitions as Properties[],
  );
  const serving = tasks.find((list) => list.some(({ Name }) => Name === 'atalaia')) ?? [];
  return Object.fromEntries(serving.map((one) => [one.Name as string, one]));
}

const environmentOf = (container: Properties | undefined): Record<string, unknown> =>
  Object.fromEntries(
    ((container?.Environment ?? []) as { Name: string; Value: unknown }[]).map(({ Name, Value }) => [
      Name,
      Value,
    ]),
  );

for (const name of profileNames) {
  const template = templates[name];
  const profile = profiles[name];

  describe(name, () => {
    test('every bucket is encrypted, versioned, closed to the public, and cleans up after itself', () => {
      const buckets = all(template, 'AWS::S3::Bucket');
      assert.equal(buckets.length, 4);
      for (const bucket of buckets) {
        assert.deepEqual(bucket.PublicAccessBlockConfiguration, {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        });
        assert.deepEqual(bucket.VersioningConfiguration, { Status: 'Enabled' });
        assert.ok(bucket.BucketEncryption);
        const { Rules } = bucket.LifecycleConfiguration as { Rules: Properties[] };
        assert.ok(Rules.some(({ NoncurrentVersionExpiration }) => NoncurrentVersionExpiration));
        assert.ok(Rules.some(({ AbortIncompleteMultipartUpload }) => AbortIncompleteMultipartUpload));
      }
      const policies = JSON.stringify(all(template, 'AWS::S3::BucketPolicy'));
      assert.equal(policies.match(/"aws:SecureTransport":"false"/g)?.length, 4);
      assert.equal(buckets.filter(({ ObjectLockEnabled }) => ObjectLockEnabled === true).length, 1);
    });

    test('the database stands in two zones, encrypted, with backups, and cannot be removed by mistake', () => {
      const databases = all(template, 'AWS::RDS::DBInstance');
      const primaries = databases.filter(({ SourceDBInstanceIdentifier }) => !SourceDBInstanceIdentifier);
      assert.equal(primaries.length, 1 + profile.database.archiveShards);
      assert.equal(databases.length - primaries.length, profile.database.readReplicas);
      for (const database of primaries) {
        assert.equal(database.MultiAZ, true);
        assert.equal(database.StorageEncrypted, true);
        assert.equal(database.BackupRetentionPeriod, profile.database.backupDays);
        assert.equal(database.DBInstanceClass, `db.${profile.database.instance}`);
        assert.doesNotMatch(JSON.stringify(database.MasterUserPassword), /[A-Za-z0-9]{30,}/);
      }
      for (const database of databases) {
        assert.equal(database.DeletionProtection, true);
        assert.equal(database.PubliclyAccessible ?? false, false);
      }
      template.hasResourceProperties('AWS::RDS::DBParameterGroup', { Parameters: { 'rds.force_ssl': '1' } });
    });

    test('the stream is encrypted, kept for a week, and stays when the stack goes', () => {
      template.hasResource('AWS::Kinesis::Stream', {
        Properties: {
          ShardCount: profile.stream.shards,
          RetentionPeriodHours: profile.stream.retentionHours,
          StreamEncryption: { EncryptionType: 'KMS', KeyId: 'alias/aws/kinesis' },
        },
        DeletionPolicy: 'Retain',
      });
    });

    test('tasks run without root, on a read-only root, and are replaced before the old ones end', () => {
      const { atalaia, front } = containers(template);
      assert.equal(atalaia?.User, '1000');
      for (const container of [atalaia, front]) assert.equal(container?.ReadonlyRootFilesystem, true);
      assert.equal(atalaia?.StopTimeout, 120);
      assert.ok(atalaia?.HealthCheck);
      template.hasResourceProperties('AWS::ECS::Service', {
        DesiredCount: profile.tasks.min,
        DeploymentConfiguration: {
          MinimumHealthyPercent: 100,
          DeploymentCircuitBreaker: { Enable: true, Rollback: true },
        },
        NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'DISABLED' } },
      });
    });

    test('tasks share the stream: more than one, each with a consumer of its own where three may read', () => {
      assert.ok(profile.tasks.min >= 2);
      const { ATALAIA_LOG_CONSUMER: consumer } = environmentOf(containers(template).atalaia);
      assert.equal(consumer, profile.stream.hasFanOut ? 'atalaia' : undefined);
      const allowed = JSON.stringify(all(template, 'AWS::IAM::Policy'));
      for (const action of ['Register', 'Describe', 'Deregister'])
        assert.ok(allowed.includes(`"kinesis:${action}StreamConsumer"`), action);
      assert.ok(allowed.includes('"kinesis:ListStreamConsumers"'));
    });

    test('no secret stands in the environment of a task', () => {
      const { atalaia, front, metrics } = containers(template);
      const secrets = [atalaia, front].flatMap((one) =>
        ((one?.Secrets ?? []) as { Name: string }[]).map(({ Name }) => Name),
      );
      assert.deepEqual(secrets, ['PGPASSWORD', 'FRONT_PASSWORD']);
      for (const container of [atalaia, front, metrics]) {
        for (const key of Object.keys(environmentOf(container)))
          assert.doesNotMatch(key, /PASSWORD|SECRET|KEY/);
      }
      assert.doesNotMatch(String(JSON.stringify(environmentOf(atalaia).ATALAIA_STORE_URL)), /:[^/@]+@/);
    });

    test('Atalaia is reached by the front alone, the front by the load balancer alone', () => {
      const { atalaia, front } = containers(template);
      assert.equal((atalaia?.PortMappings as unknown[] | undefined)?.length ?? 0, 0);
      assert.deepEqual(front?.PortMappings, [{ ContainerPort: FRONT_PORT, Protocol: 'tcp' }]);
      assert.match(String(environmentOf(front).FRONT_CONFIG), new RegExp(`127\\.0\\.0\\.1:${APP_PORT}`));
      template.hasResourceProperties('AWS::EC2::SecurityGroupIngress', {
        FromPort: FRONT_PORT,
        ToPort: FRONT_PORT,
        SourceSecurityGroupId: Match.objectLike({
          'Fn::GetAtt': [Match.stringLikeRegexp('LoadBalancer'), 'GroupId'],
        }),
      });
      template.hasResourceProperties('AWS::EC2::SecurityGroupIngress', { FromPort: 5432, ToPort: 5432 });
      // Only the load balancer's group is open to the world, on the two ports of the web.
      const open = all(template, 'AWS::EC2::SecurityGroup').flatMap(
        ({ SecurityGroupIngress }) => (SecurityGroupIngress ?? []) as Properties[],
      );
      const world = open.filter(({ CidrIp }) => CidrIp === '0.0.0.0/0').map(({ FromPort }) => FromPort);
      assert.deepEqual([...new Set(world)].sort(), [443, 80]);
    });

    test('what comes over the internet is TLS 1.2 or newer', () => {
      template.hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', {
        Port: 443,
        Protocol: 'HTTPS',
        SslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06',
        Certificates: [{ CertificateArn: Match.stringLikeRegexp('^arn:aws:acm:') }],
      });
      template.hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', {
        Port: 80,
        DefaultActions: [{ Type: 'redirect', RedirectConfig: { Protocol: 'HTTPS', StatusCode: 'HTTP_301' } }],
      });
      template.hasResourceProperties('AWS::ElasticLoadBalancingV2::TargetGroup', {
        HealthCheckPath: '/healthz',
      });
    });

    test('nobody may do more than the work asks for', () => {
      const statements = ['AWS::IAM::Policy', 'AWS::IAM::Role'].flatMap((type) =>
        all(template, type).flatMap((properties) => {
          const inline = listOf(properties.Policies as Properties[] | undefined);
          const documents = [
            properties.PolicyDocument,
            ...inline.map(({ PolicyDocument }) => PolicyDocument),
          ];
          return documents.flatMap((document) =>
            listOf((document as { Statement?: Statement[] } | undefined)?.Statement),
          );
        }),
      ) as Statement[];
      const allowed = statements.filter(({ Effect }) => Effect === 'Allow');
      assert.ok(allowed.length > 15);
      const everywhere = allowed
        .filter(({ Resource }) => Resource === '*')
        .flatMap(({ Action }) => listOf(Action));
      // Neither knows a resource; both are named in AWS's own tables as such.
      assert.deepEqual([...new Set(everywhere)].sort(), ['ecr:GetAuthorizationToken', 'rds:startExportTask']);
      for (const { Action, NotResource } of allowed) {
        for (const action of listOf(Action)) assert.doesNotMatch(action, /^(\*|\w+:\*)$/);
        if (NotResource !== undefined)
          assert.deepEqual(
            [Action, JSON.stringify(NotResource).includes(':sns:*:*:*')],
            ['sns:Publish', true],
          );
      }
    });

    test('tasks follow the lag up fast and down slowly, with room between', () => {
      template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
        MinCapacity: profile.tasks.min,
        MaxCapacity: profile.tasks.max,
        ScalableDimension: 'ecs:service:DesiredCount',
      });
      const alarms = all(template, 'AWS::CloudWatch::Alarm').filter(({ Metrics }) =>
        JSON.stringify(Metrics ?? '').includes('age / 1000'),
      );
      const up = alarms.find(({ ComparisonOperator }) => ComparisonOperator === 'GreaterThanThreshold');
      const down = alarms.find(({ ComparisonOperator }) => ComparisonOperator === 'LessThanThreshold');
      assert.ok(up && down && alarms.length === 2);
      assert.ok(Number(down.Threshold) * 3 <= Number(up.Threshold));
      assert.ok(Number(down.EvaluationPeriods) >= 5 * Number(up.EvaluationPeriods));
      // A metric that is not there is no calm.
      assert.equal(down.TreatMissingData, 'notBreaching');
      const steps = all(template, 'AWS::ApplicationAutoScaling::ScalingPolicy').flatMap(
        ({ StepScalingPolicyConfiguration }) =>
          (StepScalingPolicyConfiguration as { StepAdjustments: { ScalingAdjustment: number }[] })
            .StepAdjustments,
      );
      assert.deepEqual(steps.map(({ ScalingAdjustment }) => ScalingAdjustment).sort(), [-1, 1, 2]);
    });

    test('somebody is woken when it is needed, and silence is news', () => {
      const alarms = Object.entries(template.findResources('AWS::CloudWatch::Alarm'));
      const found = (part: string): Properties => {
        const one = alarms.find(([id]) => id.startsWith(`Alarms${part}`));
        assert.ok(one, part);
        return one[1].Properties as Properties;
      };
      for (const part of [
        'NotReady',
        'OldestOutbox',
        'ArchiveLag',
        'IteratorAge',
        'Answers5xx',
        'MainStorage',
        'StreamFull',
        'TextSpend',
        'UnhealthyTasks',
      ]) {
        const { AlarmActions, OKActions, AlarmDescription } = found(part);
        assert.deepEqual(AlarmActions, OKActions);
        assert.match(String(AlarmDescription), /^Atalaia /);
      }
      assert.equal(found('DeadMan').TreatMissingData, 'breaching');
      assert.equal(found('OldestOutbox').Threshold, 60);
      template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email' });
    });

    test('the agent carries every metric that an alarm or the scaling asks for', () => {
      const carried = String(environmentOf(containers(template).metrics).PROMETHEUS_CONFIG_CONTENT);
      const agent = JSON.stringify(environmentOf(containers(template).metrics).CW_CONFIG_CONTENT);
      assert.match(carried, new RegExp(`127\\.0\\.0\\.1:${APP_PORT}`));
      const asked = new Set(JSON.stringify(all(template, 'AWS::CloudWatch::Alarm')).match(/atalaia_\w+/g));
      assert.ok(asked.size >= 4);
      for (const metric of asked) assert.ok(agent.includes(metric), metric);
    });

    test('the ledger is dumped each day, and a month of the archive goes to the lake', () => {
      template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'cron(30 6 * * ? *)' });
      template.resourceCountIs('AWS::Scheduler::Schedule', Math.max(1, profile.database.archiveShards));
      template.hasResourceProperties('AWS::Events::Rule', {
        EventPattern: { detail: { EventID: ['RDS-EVENT-0042'] } },
      });
    });
  });
}
