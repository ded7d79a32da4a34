import type { RouteTable, RouteTableAssociation, Subnet, Vpc, VpcEndpoint } from '@aws-sdk/client-ec2';
import { contains } from '../shared/cidr.ts';
import { elseOk, type Finding, finding } from './finding.ts';
import { quotas } from './quota-findings.ts';
import type { Deployment } from './stack-deployment.ts';

const EVERYWHERE = '0.0.0.0/0';
/** An agent talks to these services. https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html */
const AGENT = ['ssm', 'ssmmessages'];

/** Whose the VPC is: in one that another account shares only that account may write routes. */
export function ownVpc(vpc: Vpc | undefined, vpcId: string, account: string): Finding {
  if (!vpc)
    return finding(
      'fault',
      'VPC',
      `${vpcId} is not there`,
      'see that --region and --profile are those of the VPC: aws ec2 describe-vpcs',
    );
  if (vpc.OwnerId !== undefined && vpc.OwnerId !== account)
    return finding(
      'fault',
      'VPC',
      `${vpcId} is of account ${vpc.OwnerId}, which shares it with ${account}: no route may be written from here`,
      `deploy the stack in ${vpc.OwnerId}`,
    );
  return finding('ok', 'VPC', `${vpcId} is there, ${vpc.CidrBlock}`);
}

/** A load balancer has one subnet in each zone, and a node in it, which needs an address. */
export function zonesOf(wanted: readonly string[], there: readonly Subnet[], vpcId: string): Finding[] {
  const check = 'zones';
  const found = wanted.map((id) => {
    const subnet = there.find(({ SubnetId }) => SubnetId === id);
    const fault = (says: string, remedy: string) => finding('fault', check, `${id} ${says}`, remedy);
    if (!subnet) return fault('is not there', 'give subnets of this account and region: aws ec2 describe-subnets');
    if (subnet.VpcId !== vpcId) return fault(`is in ${subnet.VpcId}, not ${vpcId}`, 'give subnets of vpcId');
    const { AvailabilityZone: zone, AvailableIpAddressCount: free = 1 } = subnet;
    const twin = there.find(
      (other) => other.SubnetId !== id && other.AvailabilityZone === zone && wanted.includes(other.SubnetId ?? ''),
    );
    if (twin) return fault(`is in ${zone}, and so is ${twin.SubnetId}`, 'give one subnet for each zone');
    if (free < 1) return fault(`has no address left for the node of ${zone}`, 'give another subnet of that zone');
    return finding('ok', check, `${zone}: ${id}, with ${free} addresses`);
  });
  const zones = new Set(there.map(({ AvailabilityZone }) => AvailabilityZone));
  if (zones.size !== 1 || found.some(({ is }) => is !== 'ok')) return found;
  return [
    ...found,
    finding('warning', check, 'there is one zone: without it, nothing is left', 'give a subnet of a second zone too'),
  ];
}

/** A stack with these parameters reserves so many: one of each function that changes something, and of the one that spokes ask. */
export function reserved(given: Readonly<Record<string, string | number>>): number {
  if (String(given.reserveConcurrency) !== 'true') return 0;
  return given.spokeAccounts || given.spokeOrganization ? 3 : 2;
}

/** Lambda leaves 100 of an account's concurrent executions to functions without any of their own, or 10 where the quota is small. https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html */
export function concurrency({ all, unreserved }: { all: number; unreserved: number }, reserves: number): Finding {
  const check = 'quotas';
  const least = all < 100 ? 10 : 100;
  const says = `Concurrent executions: ${all} in the account, of which ${unreserved} are not reserved`;
  if (unreserved - reserves >= least || reserves === 0) return finding('ok', check, says);
  return finding(
    'fault',
    check,
    `${says}; ${reserves} are to be reserved, and AWS keeps ${least} for all others`,
    'deploy with --param reserveConcurrency=false, or ask for more: Service Quotas, AWS Lambda, L-B99A9384',
  );
}

/** CloudFormation would find these under the names that it is to make. */
export interface Names {
  stack: string;
  deployment: Deployment | undefined;
  /** Names of functions that are there. */
  functions: readonly string[];
  logGroups: readonly string[];
  /** Parameters of Systems Manager that say whose the tag is, in words where, and the stack that each names, if it is there. */
  claims: readonly { name: string; where: string; holder: string | undefined }[];
}

/** States that no deployment gets over. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html */
const STUCK = /^(ROLLBACK_COMPLETE|ROLLBACK_FAILED|CREATE_FAILED|DELETE_FAILED|UPDATE_ROLLBACK_FAILED)$/;

export function names({ stack, deployment, functions, logGroups, claims }: Names): Finding[] {
  const check = 'names';
  const claimed = claims
    .filter(({ holder }) => holder !== undefined && holder !== stack)
    .map(({ name, where, holder }) =>
      finding('fault', check, `${name} says that the tag is of the stack ${holder} in ${where}`, 'give another tagKey'),
    );
  if (deployment) {
    const { name, status, version = 'unknown' } = deployment;
    const is = STUCK.test(status)
      ? finding(
          'fault',
          check,
          `the stack ${name} is ${status}`,
          /UPDATE/.test(status)
            ? `aws cloudformation continue-update-rollback --stack-name ${name}`
            : `remove it first: aws cloudformation delete-stack --stack-name ${name}`,
        )
      : status.endsWith('_IN_PROGRESS')
        ? finding('fault', check, `the stack ${name} is ${status}`, 'wait until it is done')
        : finding('ok', check, `the stack ${name} is there, version ${version}: this would change it`);
    return [...claimed, is];
  }
  const left = [
    ...functions.map((name) => `the function ${name}`),
    ...logGroups.map((name) => `the log group ${name}`),
  ];
  for (const { name, holder } of claims) if (holder === stack) left.push(`the parameter ${name}`);
  const taken = left.map((what) =>
    finding(
      'fault',
      check,
      `${what} is there already, and no stack has it: CloudFormation would stop there`,
      'delete it, or deploy under another --stage',
    ),
  );
  return [...claimed, ...elseOk(taken, check, `nothing is named as what ${stack} makes`)];
}

/** A load balancer that is there, as far as a stack needs it to be so. */
export interface Taken {
  vpcId: string;
  type: string | undefined;
  ofVpc: string | undefined;
  protocol: string | undefined;
  targetType: string | undefined;
  accepts: boolean | undefined;
}

/** A load balancer, target group and endpoint service that are there are to be such as can be taken. Undefined stands for what is not there. */
export function taken({ vpcId, type, ofVpc, protocol, targetType, accepts }: Taken): Finding[] {
  const check = 'load balancer';
  const wrong: [boolean, says: string, remedy: string][] = [
    [
      type !== 'gateway',
      `loadBalancerArn is ${type ? `a load balancer of type ${type}` : 'not there'}`,
      'give a Gateway Load Balancer',
    ],
    [
      ofVpc !== undefined && ofVpc !== vpcId,
      `loadBalancerArn is in ${ofVpc}, not ${vpcId}`,
      'give the VPC of the load balancer',
    ],
    [
      protocol !== 'GENEVE' || targetType !== 'instance',
      targetType ? `targetGroupArn has targets of type ${targetType}, by ${protocol}` : 'targetGroupArn is not there',
      'give one of type instance and protocol GENEVE: AWS changes neither',
    ],
    [
      accepts !== true,
      accepts === undefined ? 'serviceId is not there' : 'serviceId asks for no acceptance of endpoints',
      accepts === undefined
        ? 'give the endpoint service of the load balancer'
        : 'aws ec2 modify-vpc-endpoint-service-configuration --acceptance-required',
    ],
  ];
  const found = wrong.flatMap(([is, says, remedy]) => (is ? [finding('fault', check, says, remedy)] : []));
  return elseOk(found, check, 'it can be taken, with its target group and endpoint service');
}

/** A bucket of code and its prefix may be called so, as the plain template has it. */
export const CODE = { codeBucket: /^[a-z0-9.-]{3,63}$/, codePrefix: /^[A-Za-z0-9_./-]*[A-Za-z0-9_.-]$/ };

/** The bucket of a plain template's code, as far as it may be looked into. */
export interface Code {
  bucket: string;
  prefix: string;
  /** The stack's region. */
  region: string;
  /** The bucket's region; undefined if there is none of this name. */
  where: string | undefined;
  /** Each has a zip file there. */
  functions: readonly string[];
  /** Routers get the diverter from it. */
  fetches: boolean;
  /** Keys that begin with the prefix. */
  keys: readonly string[];
  /** Keys of these that may not be read. */
  denied: readonly string[];
  /** KMS has this key, by ARN, with which the bucket has the diverter encrypted; undefined with S3's own. */
  encryptedBy?: string | undefined;
}

/** The keys that the folder `code` of a release has below a prefix, of each the last: functions, and the diverter. */
export function codeKeys({
  prefix,
  functions,
  fetches,
  keys,
}: Pick<Code, 'prefix' | 'functions' | 'fetches' | 'keys'>) {
  const names = [
    ...functions.map((name) => ({ name: `${name}-….zip`, is: new RegExp(`^${name}-[0-9a-f]{64}\\.zip$`) })),
    ...(fetches ? [{ name: 'diverter/…', is: /^diverter\/[0-9a-f]{64}$/ }] : []),
  ];
  return names.map(({ name, is }) => ({
    name,
    key: keys.findLast((key) => key.startsWith(`${prefix}/`) && is.test(key.slice(prefix.length + 1))),
  }));
}

/** Lambda takes code from a bucket of its own region alone. https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html */
export function codeBucket(code: Code): Finding {
  const { bucket, prefix, region, where, denied } = code;
  const fault = (says: string, remedy: string) => finding('fault', 'code', says, remedy);
  const copy = `aws s3 cp --recursive code s3://${bucket}/${prefix}, from the folder of the release`;
  if (where === undefined)
    return fault(`there is no bucket ${bucket}`, `aws s3 mb s3://${bucket} --region ${region}, and then ${copy}`);
  if (where !== region)
    return fault(
      `${bucket} is in ${where}, and Lambda takes code of a stack in ${region} from a bucket there alone`,
      `give a bucket in ${region}`,
    );
  const missing = codeKeys(code).flatMap(({ name, key }) => (key === undefined ? [name] : []));
  if (missing.length > 0) return fault(`${bucket} has no ${prefix}/ with ${missing.join(', ')}`, copy);
  if (denied.length > 0)
    return fault(`${denied[0]} in ${bucket} may not be read`, 'have who deploys be allowed s3:GetObject there');
  // Who downloads needs kms:Decrypt: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
  if (code.encryptedBy)
    return finding(
      'warning',
      'code',
      `${bucket} has the diverter encrypted by ${code.encryptedBy}: unless that is the account's aws/s3, no router gets it, for the role of the function routers may not use the key`,
      `have it encrypted by S3's own (aws s3 cp --recursive --sse AES256 code s3://${bucket}/${prefix}), or, once the stack is there, let that role have kms:Decrypt by the key's policy`,
    );
  return finding('ok', 'code', `${bucket} has what ${prefix}/ is to have, in ${where}`);
}

/** An account has so much of Elastic Load Balancing, and may have so much, by the names of its API. */
export interface Balancing {
  vpcId: string;
  region: string;
  /** The VPC of each Gateway Load Balancer. */
  balancers: readonly (string | undefined)[];
  groups: number;
  limits: ReadonlyMap<string, number>;
}

/** A stack makes one of each, unless it takes one that is there. AWS has no quota of endpoint services. */
export function balancing({ vpcId, region, balancers, groups, limits }: Balancing): Finding[] {
  const own = balancers.filter((one) => one === vpcId).length;
  const all: [name: string, of: string, used: number, limit: string][] = [
    ['Gateway Load Balancers per Region', region, balancers.length, 'gateway-load-balancers'],
    ['Gateway Load Balancers per VPC', vpcId, own, 'gateway-load-balancers-per-vpc'],
    ['GENEVE target groups per Region', region, groups, 'geneve-target-groups'],
  ];
  return quotas(
    all.flatMap(([name, of, used, key]) => {
      const limit = limits.get(key);
      return limit === undefined ? [] : [{ name, of, used, limit, adjustable: true }];
    }),
  );
}

/** The ways out of a VPC, as far as they are known. */
export interface Ways {
  endpoints: readonly VpcEndpoint[];
  tables: readonly RouteTable[];
  /** Networks that have Systems Manager's endpoints, beside the VPC itself. */
  elsewhere: readonly string[];
  /** Routers are to stand in these subnets and in no others. */
  certain: boolean;
  /** Routers get the diverter from the stack's bucket. */
  fetches: boolean;
}

/** Agents of routers in a subnet are to reach Systems Manager, which installs the diverter, and S3, which has it. */
export function reachability(subnet: Subnet, ways: Ways): Finding[] {
  const { SubnetId: id = '' } = subnet;
  const out = wayOut(subnet, ways);
  const missing = AGENT.filter((service) => !hasInterface(ways, service));
  const led = ways.elsewhere.length > 0 && ways.elsewhere.every((cidr) => leadsTo(cidr, subnet, ways));
  const manager =
    missing.length === 0
      ? finding('ok', 'Systems Manager', `${id}: by endpoints of the VPC`)
      : led
        ? finding('ok', 'Systems Manager', `${id}: by routes to ${ways.elsewhere.join(', ')}`)
        : reachedBy('Systems Manager', id, out, ways, `give the VPC endpoints for ${missing.join(' and ')}`);
  const s3 = ways.endpoints.some(
    ({ ServiceName = '', VpcEndpointType, RouteTableIds = [] }) =>
      ServiceName.endsWith('.s3') &&
      (VpcEndpointType !== 'Gateway' || RouteTableIds.includes(tableOf(subnet, ways)?.RouteTableId ?? '')),
  );
  const bucket = s3
    ? finding('ok', 'S3', `${id}: by an endpoint of the VPC`)
    : reachedBy('S3', id, out, ways, 'give the VPC an endpoint');
  return ways.fetches ? [manager, bucket] : [manager];
}

type Way = { target: string; isPublic: boolean } | undefined;

function reachedBy(check: string, id: string, out: Way, { certain }: Ways, remedy: string): Finding {
  if (!out)
    return finding(
      certain ? 'fault' : 'warning',
      check,
      `${id}: no endpoint and no default route leads there, and a router in it gets no diverter`,
      `${remedy}, or its route table a default route (a NAT gateway)`,
    );
  if (!out.isPublic)
    return finding(
      'warning',
      check,
      `${id}: by ${out.target}, and what is launched there has no public address of its own`,
      `${remedy}, have routers launched with a public address, or lead the default route to a NAT gateway`,
    );
  return finding('ok', check, `${id}: by its default route, to ${out.target}`);
}

const isLive = (state: string | undefined) => state === undefined || /^available$/i.test(state);

const hasInterface = ({ endpoints }: Ways, service: string) =>
  endpoints.some(
    ({ ServiceName = '', VpcEndpointType, State }) =>
      VpcEndpointType === 'Interface' && ServiceName.endsWith(`.${service}`) && isLive(State),
  );

/** The explicit association, else the main table. */
function tableOf({ SubnetId, VpcId }: Subnet, { tables }: Ways): RouteTable | undefined {
  const having = (is: (association: RouteTableAssociation) => boolean | undefined) =>
    tables.find((table) => table.VpcId === VpcId && table.Associations?.some(is));
  return having((each) => each.SubnetId === SubnetId) ?? having(({ Main }) => Main);
}

function routesOf(subnet: Subnet, ways: Ways) {
  return (tableOf(subnet, ways)?.Routes ?? []).filter(
    ({ State, GatewayId }) => State === 'active' && GatewayId !== 'local',
  );
}

function wayOut(subnet: Subnet, ways: Ways): Way {
  const route = routesOf(subnet, ways).find(({ DestinationCidrBlock }) => DestinationCidrBlock === EVERYWHERE);
  if (!route) return undefined;
  const { NatGatewayId, GatewayId, TransitGatewayId, NetworkInterfaceId, VpcPeeringConnectionId } = route;
  const target =
    NatGatewayId ?? GatewayId ?? TransitGatewayId ?? NetworkInterfaceId ?? VpcPeeringConnectionId ?? 'elsewhere';
  return { target, isPublic: !target.startsWith('igw-') || subnet.MapPublicIpOnLaunch === true };
}

const leadsTo = (cidr: string, subnet: Subnet, ways: Ways) =>
  routesOf(subnet, ways).some(
    ({ DestinationCidrBlock }) => DestinationCidrBlock !== undefined && contains(DestinationCidrBlock, cidr),
  );
