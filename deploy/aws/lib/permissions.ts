import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { ServiceParts } from './service-parts.ts';

/**
 * What the program itself may do, and nothing else: read and write its one stream, keep checkpoints under their prefix,
 * publish to its topic and send text messages. The database it reaches by password.
 */
export function grantAtalaia(role: iam.IRole, { stream, storage, alerts }: ServiceParts): void {
  const allow = (
    actions: string[],
    resources: string[],
    more: Partial<iam.PolicyStatementProps> = {},
  ): void => void role.addToPrincipalPolicy(new iam.PolicyStatement({ actions, resources, ...more }));
  allow(
    ['DescribeStreamSummary', 'ListShards', 'GetShardIterator', 'GetRecords', 'PutRecords'].map(
      (action) => `kinesis:${action}`,
    ),
    [stream.streamArn],
  );
  // Enhanced fan-out: consumers are things below the stream.
  allow(
    [
      'RegisterStreamConsumer',
      'DescribeStreamConsumer',
      'DeregisterStreamConsumer',
      'ListStreamConsumers',
      'SubscribeToShard',
    ].map((action) => `kinesis:${action}`),
    [stream.streamArn, `${stream.streamArn}/consumer/*`],
  );
  const { checkpoints } = storage;
  allow(
    ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
    [checkpoints.arnForObjects('atalaia/checkpoints/*')],
  );
  allow(['s3:ListBucket'], [checkpoints.bucketArn]);
  allow(['sns:Publish'], [alerts.topicArn]);
  alerts.masterKey?.grant(role, 'kms:GenerateDataKey*', 'kms:Decrypt');
  // A text message goes to no resource: everything that is no topic is a telephone number.
  const { partition } = Stack.of(stream);
  role.addToPrincipalPolicy(
    new iam.PolicyStatement({ actions: ['sns:Publish'], notResources: [`arn:${partition}:sns:*:*:*`] }),
  );
}
