import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import type { Profile } from '../profiles.ts';

/** Three rings: the load balancer may be reached, tasks may reach out, databases neither. */
export class Network extends Construct {
  readonly vpc: ec2.Vpc;
  readonly loadBalancer: ec2.SecurityGroup;
  readonly service: ec2.SecurityGroup;
  readonly database: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, { zones, natGateways, hasInterfaceEndpoints }: Profile) {
    super(scope, id);
    this.vpc = new ec2.Vpc(this, 'Vpc', {
      maxAzs: zones,
      natGateways,
      restrictDefaultSecurityGroup: true,
      subnetConfiguration: [
        { name: 'public', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 24 },
        { name: 'tasks', subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 20 },
        { name: 'data', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
      ],
      // Checkpoints and the lake never leave AWS's network, and cost no NAT.
      gatewayEndpoints: { S3: { service: ec2.GatewayVpcEndpointAwsService.S3 } },
    });
    this.vpc.addFlowLog('Rejected', { trafficType: ec2.FlowLogTrafficType.REJECT });
    if (hasInterfaceEndpoints) this.#addEndpoints();

    const group = (name: string, description: string, allowAllOutbound: boolean): ec2.SecurityGroup =>
      new ec2.SecurityGroup(this, name, { vpc: this.vpc, description, allowAllOutbound });
    this.loadBalancer = group('LoadBalancer', 'Atalaia: load balancer', false);
    // Webhooks go to any address of the internet.
    this.service = group('Service', 'Atalaia: tasks', true);
    this.database = group('Database', 'Atalaia: PostgreSQL', false);
    this.database.addIngressRule(this.service, ec2.Port.tcp(5432), 'tasks');
  }

  #addEndpoints(): void {
    const { KINESIS_STREAMS, SECRETS_MANAGER, CLOUDWATCH_LOGS, ECR, ECR_DOCKER, SNS } =
      ec2.InterfaceVpcEndpointAwsService;
    const services = { KINESIS_STREAMS, SECRETS_MANAGER, CLOUDWATCH_LOGS, ECR, ECR_DOCKER, SNS };
    for (const [name, service] of Object.entries(services)) this.vpc.addInterfaceEndpoint(name, { service });
  }
}

/** Interface endpoints of a profile that has them; each is paid for in every zone. */
export const INTERFACE_ENDPOINTS = 6;
