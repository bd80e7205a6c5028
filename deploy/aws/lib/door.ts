import { Duration } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as ecs from 'aws-cdk-lib/aws-ecs';
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { FRONT_PORT } from './front.ts';
import type { Network } from './network.ts';

/** The load balancer: TLS 1.2 and 1.3 alone, and the plain port only says where the other is. */
export class Door extends Construct {
  readonly balancer: elb.ApplicationLoadBalancer;
  readonly target: elb.ApplicationTargetGroup;

  constructor(
    scope: Construct,
    id: string,
    network: Network,
    service: ecs.FargateService,
    { certificateArn, logs }: { readonly certificateArn: string; readonly logs: s3.IBucket },
  ) {
    super(scope, id);
    const { vpc, loadBalancer: securityGroup } = network;
    this.balancer = new elb.ApplicationLoadBalancer(this, 'Balancer', {
      vpc,
      internetFacing: true,
      securityGroup,
      dropInvalidHeaderFields: true,
      deletionProtection: true,
      // The stream of alerts stays open; Atalaia sends a sign of life each few seconds.
      idleTimeout: Duration.minutes(5),
    });
    this.balancer.logAccessLogs(logs, 'balancer');
    this.target = new elb.ApplicationTargetGroup(this, 'Tasks', {
      vpc,
      port: FRONT_PORT,
      protocol: elb.ApplicationProtocol.HTTP,
      targetType: elb.TargetType.IP,
      // Alive, not ready: ECS ends what fails here, and a task that is behind must catch up instead.
      healthCheck: { path: '/healthz', interval: Duration.seconds(10), healthyThresholdCount: 2 },
      deregistrationDelay: Duration.seconds(30),
    });
    service.attachToApplicationTargetGroup(this.target);
    securityGroup.addEgressRule(network.service, ec2.Port.tcp(FRONT_PORT), 'front of the tasks');
    network.service.addIngressRule(securityGroup, ec2.Port.tcp(FRONT_PORT), 'load balancer');
    this.balancer.addListener('Tls', {
      port: 443,
      certificates: [acm.Certificate.fromCertificateArn(this, 'Certificate', certificateArn)],
      sslPolicy: elb.SslPolicy.RECOMMENDED_TLS,
      defaultTargetGroups: [this.target],
    });
    this.balancer.addListener('Plain', {
      port: 80,
      defaultAction: elb.ListenerAction.redirect({ protocol: 'HTTPS', port: '443', permanent: true }),
    });
  }
}
