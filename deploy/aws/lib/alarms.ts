import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as ecs from 'aws-cdk-lib/aws-ecs';
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import type * as kinesis from 'aws-cdk-lib/aws-kinesis';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { Profile } from '../profiles.ts';
import type { Database } from './database.ts';
import { atalaiaMetric, iteratorAge } from './scaling.ts';

interface Watched {
  readonly system: string;
  readonly profile: Profile;
  readonly stream: kinesis.Stream;
  readonly service: ecs.FargateService;
  readonly balancer: elb.ApplicationLoadBalancer;
  readonly target: elb.ApplicationTargetGroup;
  readonly database: Database;
}

const { GREATER_THAN_THRESHOLD, LESS_THAN_THRESHOLD } = cloudwatch.ComparisonOperator;
const { BREACHING, NOT_BREACHING } = cloudwatch.TreatMissingData;
const GIB = 1024 ** 3;
/** Of a database's storage, so much free rings; gp3 grows by itself until its bound. */
const FREE_SHARE = 0.1;
const minutes = Duration.minutes;

type Rule = Omit<cloudwatch.AlarmProps, 'metric' | 'alarmDescription'>;

/** What wakes a person up, each with what it means and where to look (docs/operating-on-aws.md, "When an alarm rings"). */
export class Alarms extends Construct {
  readonly #topic: sns.ITopic;
  readonly #system: string;

  constructor(scope: Construct, id: string, topic: sns.ITopic, watched: Watched) {
    super(scope, id);
    this.#topic = topic;
    this.#system = watched.system;
    this.#ofAtalaia(watched);
    this.#ofAws(watched);
    for (const [i, database] of watched.database.all.entries())
      this.#ofDatabase(i === 0 ? 'Main' : `Archive${i - 1}`, database, watched.profile);
  }

  #alarm(name: string, says: string, metric: cloudwatch.IMetric, rule: Rule): void {
    const alarm = new cloudwatch.Alarm(this, name, {
      treatMissingData: NOT_BREACHING,
      ...rule,
      metric,
      alarmDescription: `Atalaia ${this.#system}: ${says}`,
    });
    const action = new actions.SnsAction(this.#topic);
    alarm.addAlarmAction(action);
    alarm.addOkAction(action);
  }

  #ofAtalaia({ system, stream }: Watched): void {
    const ready = (statistic: string): cloudwatch.Metric =>
      atalaiaMetric(system, 'atalaia_ready', { statistic });
    this.#alarm('DeadMan', 'no task says that it lives. Nobody is warned.', ready('SampleCount'), {
      threshold: 1,
      comparisonOperator: LESS_THAN_THRESHOLD,
      evaluationPeriods: 3,
      // The one alarm for which silence is the news.
      treatMissingData: BREACHING,
    });
    this.#alarm('NotReady', 'a task cannot warn people now; its /readyz names why.', ready('Minimum'), {
      threshold: 1,
      comparisonOperator: LESS_THAN_THRESHOLD,
      evaluationPeriods: 3,
    });
    this.#alarm(
      'OldestOutbox',
      'an alert has waited more than a minute to be sent.',
      atalaiaMetric(system, 'atalaia_outbox_oldest_seconds'),
      { threshold: 60, comparisonOperator: GREATER_THAN_THRESHOLD, evaluationPeriods: 2 },
    );
    this.#alarm(
      'ArchiveLag',
      'observations wait more than ten minutes for the archive.',
      atalaiaMetric(system, 'atalaia_archive_lag_seconds'),
      { threshold: 600, comparisonOperator: GREATER_THAN_THRESHOLD, evaluationPeriods: 3 },
    );
    this.#alarm(
      'IteratorAge',
      'readers are more than a minute behind the stream, with all the tasks that scaling has started.',
      iteratorAge(stream),
      { threshold: 60_000, comparisonOperator: GREATER_THAN_THRESHOLD, evaluationPeriods: 5 },
    );
  }

  #ofAws({ stream, service, balancer, target, profile }: Watched): void {
    this.#alarm(
      'StreamFull',
      'producers are throttled: the stream needs more shards.',
      stream.metricWriteProvisionedThroughputExceeded({ statistic: 'Sum', period: minutes(1) }),
      {
        threshold: 0,
        comparisonOperator: GREATER_THAN_THRESHOLD,
        evaluationPeriods: 5,
        datapointsToAlarm: 3,
      },
    );
    const of5xx = new cloudwatch.MathExpression({
      label: 'answers 5xx',
      expression: 'FILL(ours, 0) + FILL(balancers, 0)',
      usingMetrics: {
        ours: target.metrics.httpCodeTarget(elb.HttpCodeTarget.TARGET_5XX_COUNT, { period: minutes(1) }),
        balancers: balancer.metrics.httpCodeElb(elb.HttpCodeElb.ELB_5XX_COUNT, { period: minutes(1) }),
      },
      period: minutes(1),
    });
    this.#alarm('Answers5xx', 'producers and people get errors.', of5xx, {
      threshold: 10,
      comparisonOperator: GREATER_THAN_THRESHOLD,
      evaluationPeriods: 3,
    });
    this.#alarm(
      'UnhealthyTasks',
      'a task does not answer; ECS replaces it.',
      target.metrics.unhealthyHostCount({ statistic: 'Maximum', period: minutes(1) }),
      { threshold: 0, comparisonOperator: GREATER_THAN_THRESHOLD, evaluationPeriods: 5 },
    );
    this.#alarm(
      'Processor',
      'tasks are at the end of their processors, with all that scaling has started.',
      service.metricCpuUtilization({ statistic: 'Average', period: minutes(5) }),
      { threshold: 85, comparisonOperator: GREATER_THAN_THRESHOLD, evaluationPeriods: 3 },
    );
    this.#alarm(
      'Memory',
      'tasks are at the end of their memory: more tasks, or larger ones.',
      service.metricMemoryUtilization({ statistic: 'Maximum', period: minutes(5) }),
      { threshold: 85, comparisonOperator: GREATER_THAN_THRESHOLD, evaluationPeriods: 2 },
    );
    this.#alarm(
      'TextSpend',
      `text messages have cost more than ${profile.textBudget} dollars this month; the account's limit stops them.`,
      new cloudwatch.Metric({
        namespace: 'AWS/SNS',
        metricName: 'SMSMonthToDateSpentUSD',
        statistic: 'Maximum',
        period: minutes(60),
      }),
      { threshold: profile.textBudget, comparisonOperator: GREATER_THAN_THRESHOLD, evaluationPeriods: 1 },
    );
  }

  #ofDatabase(name: string, database: Database['main'], { database: { storageGiB } }: Profile): void {
    this.#alarm(
      `${name}Storage`,
      `less than a tenth of the storage of ${name} is free, and it does not grow fast enough.`,
      database.metricFreeStorageSpace({ statistic: 'Minimum', period: minutes(5) }),
      {
        threshold: storageGiB * GIB * FREE_SHARE,
        comparisonOperator: LESS_THAN_THRESHOLD,
        evaluationPeriods: 3,
      },
    );
    this.#alarm(
      `${name}Processor`,
      `the processor of ${name} is busy for a quarter of an hour.`,
      database.metricCPUUtilization({ statistic: 'Average', period: minutes(5) }),
      { threshold: 85, comparisonOperator: GREATER_THAN_THRESHOLD, evaluationPeriods: 3 },
    );
  }
}
