import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { measured, rates } from './load.ts';
import { prices } from './prices.ts';
import { type ProfileName, profileNames, profiles } from './profiles.ts';
import { synthesize } from './synthesize.ts';

/** One line of a bill: what it is, how many, US dollars a month. */
export interface Line {
  readonly what: string;
  readonly amount: string;
  readonly dollars: number;
}

type Resources = Readonly<
  Record<string, { readonly Type: string; readonly Properties: Record<string, unknown> }>
>;

const GB = 1e9;
const GIB_TO_GB = 1.073741824;
const TEXTS = 'SNS: text messages';
const SECONDS_PER_MONTH = prices.hoursPerMonth * 3600;
const number = (value: number): string =>
  new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 }).format(value);

/** What the lines of a bill are made of. */
interface Ledger {
  readonly profile: (typeof profiles)[ProfileName];
  readonly load: ReturnType<typeof rates>;
  /** Properties of all resources of a type. */
  of(type: string): readonly Record<string, unknown>[];
  add(what: string, amount: string, dollars: number): void;
}

/**
 * What a profile costs a month. Sizes that run by the hour are read from the synthesized template, so that bill and
 * deployment cannot differ; what grows with the load comes from the profile's network (load.ts). Tasks are counted at
 * their minimum.
 */
export function billOf(name: ProfileName, resources: Resources): readonly Line[] {
  const profile = profiles[name];
  const lines: Line[] = [];
  const ledger: Ledger = {
    profile,
    load: rates(profile),
    of: (type) =>
      Object.values(resources)
        .filter(({ Type }) => Type === type)
        .map(({ Properties }) => Properties ?? {}),
    add: (what, amount, dollars) => void lines.push({ what, amount, dollars }),
  };
  const tasks = Number(ledger.of('AWS::ECS::Service')[0]?.DesiredCount);
  addStream(ledger, tasks);
  addTasks(ledger, tasks);
  addDatabases(ledger);
  addNetwork(ledger);
  addStorage(ledger);
  addMessages(ledger);
  return lines;
}

function addStream({ profile, load, of, add }: Ledger, tasks: number): void {
  const { kinesis, hoursPerMonth: hours } = prices;
  const [stream] = of('AWS::Kinesis::Stream');
  const shards = Number(stream?.ShardCount);
  const days = Number(stream?.RetentionPeriodHours) / 24;
  const perShard = kinesis.shardHour + kinesis.extendedRetentionShardHour;
  add('Kinesis: shards', `${shards}, kept ${days} days`, shards * hours * perShard);
  const unitsOfChunk = Math.ceil(load.bytesPerChunk / kinesis.putUnitBytes);
  const units = (load.chunksPerSecond * unitsOfChunk * SECONDS_PER_MONTH) / 1e6;
  add('Kinesis: put units', `${number(units)} M`, units * kinesis.putUnitsMillion);
  if (!profile.stream.hasFanOut) return;
  const gb = (load.logBytesPerSecond * SECONDS_PER_MONTH * tasks) / GB;
  const dollars = shards * tasks * hours * kinesis.fanOutConsumerShardHour + gb * kinesis.fanOutGb;
  add('Kinesis: fan-out', `${tasks} readers, ${number(gb)} GB`, dollars);
}

function addTasks({ profile, of, add }: Ledger, tasks: number): void {
  const { fargate, hoursPerMonth } = prices;
  const task = of('AWS::ECS::TaskDefinition').find(({ Cpu }) => Number(Cpu) === profile.tasks.cpu);
  const cpu = Number(task?.Cpu) / 1024;
  const gib = Number(task?.Memory) / 1024;
  const disk = Math.max(0, profile.tasks.ephemeralGiB - fargate.ephemeralFreeGb);
  const perHour = cpu * fargate.vcpuHour + gib * GIB_TO_GB * fargate.gbHour + disk * fargate.ephemeralGbHour;
  add('Fargate (ARM)', `${tasks} tasks of ${cpu} vCPU, ${gib} GiB`, tasks * hoursPerMonth * perHour);
}

function addNetwork({ profile, load, of, add }: Ledger): void {
  const { network, balancer, hoursPerMonth: hours } = prices;
  const nats = of('AWS::EC2::NatGateway').length;
  const egress = load.egressBytesPerMonth / GB;
  const perNat = network.natHour + network.publicAddressHour;
  add('NAT gateways', `${nats}, ${number(egress)} GB`, nats * hours * perNat + egress * network.natGb);
  const endpoints = of('AWS::EC2::VPCEndpoint').filter(
    ({ VpcEndpointType }) => VpcEndpointType === 'Interface',
  );
  const zones = endpoints.reduce((sum, { SubnetIds }) => sum + (SubnetIds as unknown[]).length, 0);
  if (zones > 0)
    add(
      'Interface endpoints',
      `${endpoints.length} in ${zones / endpoints.length} zones`,
      zones * hours * network.endpointZoneHour,
    );
  const perHour =
    balancer.hour + load.balancerUnits * balancer.unitHour + profile.zones * network.publicAddressHour;
  add('Load balancer', `1, ${profile.zones} addresses, ${number(load.balancerUnits)} units`, hours * perHour);
}

function addStorage({ load, add }: Ledger): void {
  const { s3 } = prices;
  const requests = load.checkpointRequestsPerMonth;
  const kept = load.checkpointBytes / GB;
  const dollars = (requests / 1000) * s3.putsThousand + kept * s3.standardGbMonth;
  add('S3: checkpoints', `${number(requests / 1e6)} M requests, ${number(kept)} GB`, dollars);
  const lake = load.lakeBytesAfterYear / GB;
  add('S3: a year of the lake', `${number(lake)} GB`, lake * s3.glacierInstantGbMonth);
}

function addMessages({ profile, load, of, add }: Ledger): void {
  const { sns, cloudwatch, secretMonth, keyMonth } = prices;
  const { revisionsPerMonth, textsPerMonth } = profile.network;
  add('SNS: topic', `${number(revisionsPerMonth)} alerts`, (revisionsPerMonth / 1e6) * sns.publishesMillion);
  add(TEXTS, number(textsPerMonth), textsPerMonth * sns.textToBrazil);
  const alarms = of('AWS::CloudWatch::Alarm').length;
  add(
    'CloudWatch',
    `${alarms} alarms, ${load.paidMetrics} metrics, ${number(load.logGbPerMonth)} GB of logs`,
    alarms * cloudwatch.alarmMonth +
      load.paidMetrics * cloudwatch.metricMonth +
      load.logGbPerMonth * cloudwatch.logsGb,
  );
  const secrets = of('AWS::SecretsManager::Secret').length;
  const keys = of('AWS::KMS::Key').length;
  add('Secrets and keys', `${secrets} and ${keys}`, secrets * secretMonth + keys * keyMonth);
}

function addDatabases({ profile, load, of, add }: Ledger): void {
  const instances = of('AWS::RDS::DBInstance');
  const { rds, hoursPerMonth } = prices;
  let perHour = 0;
  let gib = 0;
  for (const { DBInstanceClass, MultiAZ, AllocatedStorage } of instances) {
    const size = String(DBInstanceClass).replace(/^db\./, '');
    const price = rds.instanceHour[size];
    if (price === undefined) throw new Error(`prices.ts has no price of ${size}`);
    const copies = MultiAZ === true ? 2 : 1;
    perHour += price * copies;
    // A replica's storage is that of its source.
    gib += Number(AllocatedStorage ?? profile.database.storageGiB) * copies;
  }
  const count = `${instances.length} ${profile.database.instance}, of them ${instances.filter(({ MultiAZ }) => MultiAZ === true).length} in two zones`;
  add('RDS: instances', count, perHour * hoursPerMonth);
  add('RDS: storage', `${number(gib)} GiB`, gib * rds.storageGbMonth);
  add(
    'RDS: export to the lake',
    `${number(load.exportedGbPerMonth)} GB`,
    load.exportedGbPerMonth * rds.exportGb,
  );
}

export const totalOf = (lines: readonly Line[]): number =>
  lines.reduce((sum, { dollars }) => sum + dollars, 0);

const money = (dollars: number): string =>
  new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 }).format(dollars);
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** The tables of docs/operating-on-aws.md. */
export function costTables(): string {
  const bills = profileNames.map((name) => ({ name, bill: billOf(name, synthesize(name)) }));
  const intro = `Prices: us-east-1, ${prices.date}, ${prices.source}. US dollars a month, without tax, discount and support.`;
  const networks = bills.map(({ name }) => {
    const { network } = profiles[name];
    const { reportsPerSecond, readingsPerSecond } = rates(profiles[name]);
    return row([
      name,
      number(network.stations),
      `${network.intervalSeconds} s`,
      number(reportsPerSecond),
      number(readingsPerSecond),
      number(network.revisionsPerMonth),
      number(network.textsPerMonth),
    ]);
  });
  const names = [...new Set(bills.flatMap(({ bill }) => bill.map(({ what }) => what)))];
  const lines = names.map((what) =>
    row([
      what,
      ...bills.map(({ bill }) => {
        const line = bill.find((one) => one.what === what);
        return line ? `${money(line.dollars)} (${line.amount})` : '–';
      }),
    ]),
  );
  const texts = (bill: readonly Line[]): number => bill.find(({ what }) => what === TEXTS)?.dollars ?? 0;
  const sums = [
    ['**Without text messages**', (bill: readonly Line[]) => totalOf(bill) - texts(bill)],
    ['**In all**', totalOf],
    [
      `**In all, São Paulo** (estimate: x ${prices.saoPauloFactor}, text messages alike)`,
      (bill: readonly Line[]) => (totalOf(bill) - texts(bill)) * prices.saoPauloFactor + texts(bill),
    ],
  ] as const;
  return [
    row([
      'profile',
      'stations',
      'interval',
      'reports/s',
      'readings/s',
      'alert revisions a month',
      'text messages a month',
    ]),
    row(['---', '---', '---', '---', '---', '---', '---']),
    ...networks,
    '',
    intro,
    '',
    row(['', ...profileNames]),
    row(['---', ...profileNames.map(() => '---')]),
    ...lines,
    ...sums.map(([what, of]) => row([what, ...bills.map(({ bill }) => `**${money(of(bill))}**`)])),
    row([
      'per station',
      ...bills.map(({ name, bill }) =>
        number((totalOf(bill) - texts(bill)) / profiles[name].network.stations),
      ),
    ]),
    '',
    `From measurements: ${measured.source}.`,
  ].join('\n');
}

const page = new URL('../../docs/operating-on-aws.md', import.meta.url);
const BEGIN = '<!-- cost: written by deploy/aws/cost.ts -->';
const END = '<!-- end of cost -->';

/** What stands between the marks of the page now. */
export function writtenTables(): string {
  const text = readFileSync(page, 'utf8');
  return text.slice(text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)).trim();
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
  const tables = costTables();
  if (values.write) {
    const text = readFileSync(page, 'utf8');
    const from = text.indexOf(BEGIN);
    const to = text.indexOf(END);
    if (from < 0 || to < from) throw new Error('docs/operating-on-aws.md has lost the marks of the cost.');
    writeFileSync(page, `${text.slice(0, from + BEGIN.length)}\n\n${tables}\n\n${text.slice(to)}`);
  } else console.log(tables);
}
