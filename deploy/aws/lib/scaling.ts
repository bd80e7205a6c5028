import { Duration } from 'aws-cdk-lib';
import * as scaling from 'aws-cdk-lib/aws-applicationautoscaling';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as ecs from 'aws-cdk-lib/aws-ecs';
import type * as kinesis from 'aws-cdk-lib/aws-kinesis';
import { Construct } from 'constructs';
import type { Profile } from '../profiles.ts';
import { DIMENSION, NAMESPACE, type watchedMetrics } from './metrics-agent.ts';

/** A task more above the first, two above the second; a task less only below the third: between them nothing happens. */
export const BEHIND_S = { up: 30, upFast: 300, down: 5 } as const;
export const MINUTES = { up: 2, down: 15 } as const;

/** A metric of Atalaia itself, the worst of all tasks. */
export const atalaiaMetric = (
  system: string,
  metricName: (typeof watchedMetrics)[number],
  more: Partial<cloudwatch.MetricProps> = {},
): cloudwatch.Metric =>
  new cloudwatch.Metric({
    namespace: NAMESPACE,
    metricName,
    dimensionsMap: { [DIMENSION]: system },
    statistic: cloudwatch.Stats.MAXIMUM,
    period: Duration.minutes(1),
    ...more,
  });

/** How far behind the stream the slowest reader of it is, ms. */
export const iteratorAge = (stream: kinesis.Stream): cloudwatch.Metric =>
  stream.metricGetRecordsIteratorAgeMilliseconds({ statistic: 'Maximum', period: Duration.minutes(1) });

/**
 * Tasks follow how far they are behind, s: what Kinesis sees of its readers (iterator age) and what the fold says of
 * itself (atalaia_lag_seconds), whichever is worse. Up within two minutes, down after a quarter of an hour of calm.
 */
export class Scaling extends Construct {
  constructor(
    scope: Construct,
    id: string,
    service: ecs.FargateService,
    stream: kinesis.Stream,
    { system, tasks }: { readonly system: string; readonly tasks: Profile['tasks'] },
  ) {
    super(scope, id);
    const behind = new cloudwatch.MathExpression({
      label: 'seconds behind',
      expression: 'MAX([age / 1000, lag])',
      usingMetrics: { age: iteratorAge(stream), lag: atalaiaMetric(system, 'atalaia_lag_seconds') },
      period: Duration.minutes(1),
    });
    const scalingTarget = new scaling.ScalableTarget(this, 'Tasks', {
      serviceNamespace: scaling.ServiceNamespace.ECS,
      resourceId: `service/${service.cluster.clusterName}/${service.serviceName}`,
      scalableDimension: 'ecs:service:DesiredCount',
      minCapacity: tasks.min,
      maxCapacity: tasks.max,
    });
    const action = (
      name: string,
      cooldown: Duration,
      steps: readonly scaling.AdjustmentTier[],
    ): actions.ApplicationScalingAction => {
      const made = new scaling.StepScalingAction(this, name, {
        scalingTarget,
        adjustmentType: scaling.AdjustmentType.CHANGE_IN_CAPACITY,
        metricAggregationType: scaling.MetricAggregationType.MAXIMUM,
        cooldown,
      });
      for (const step of steps) made.addAdjustment(step);
      return new actions.ApplicationScalingAction(made);
    };
    // Bounds of a step are counted from the alarm's threshold.
    const above = BEHIND_S.upFast - BEHIND_S.up;
    behind
      .createAlarm(this, 'Behind', {
        alarmDescription: `Atalaia ${system}: more than ${BEHIND_S.up} s behind the stream; a task more is started.`,
        threshold: BEHIND_S.up,
        comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluationPeriods: MINUTES.up,
        treatMissingData: cloudwatch.TreatMissingData.IGNORE,
      })
      .addAlarmAction(
        action('Up', Duration.minutes(3), [
          { lowerBound: 0, upperBound: above, adjustment: 1 },
          { lowerBound: above, adjustment: 2 },
        ]),
      );
    behind
      .createAlarm(this, 'CaughtUp', {
        alarmDescription: `Atalaia ${system}: less than ${BEHIND_S.down} s behind for ${MINUTES.down} min; a task is let go.`,
        threshold: BEHIND_S.down,
        comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
        evaluationPeriods: MINUTES.down,
        // No metric is no calm.
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      })
      .addAlarmAction(action('Down', Duration.minutes(15), [{ upperBound: 0, adjustment: -1 }]));
  }
}
