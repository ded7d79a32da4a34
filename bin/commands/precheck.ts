import { readFileSync } from 'node:fs';
import { paginateDescribeLogGroups } from '@aws-sdk/client-cloudwatch-logs';
import {
  DescribeVpcEncryptionControlsCommand,
  DescribeVpcEndpointServiceConfigurationsCommand,
  DescribeVpcsCommand,
  paginateDescribeRouteTables,
  paginateDescribeSubnets,
  paginateDescribeVpcEndpoints,
  paginateDescribeVpcs,
} from '@aws-sdk/client-ec2';
import {
  DescribeLoadBalancersCommand,
  DescribeTargetGroupsCommand,
  paginateDescribeAccountLimits,
  paginateDescribeLoadBalancers,
  paginateDescribeTargetGroups,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetAccountSettingsCommand, GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { HeadBucketCommand, HeadObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { GetServiceQuotaCommand } from '@aws-sdk/client-service-quotas';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import * as z from 'zod';
import {
  checkParameters,
  checkSpoke,
  checkStage,
  claim,
  clientsClaim,
  givenParameters,
} from '../../resources/parameters.js';
import { code } from '../../shared/aws/errors.ts';
import { collect, where } from '../../shared/aws/read.ts';
import { pauseOf, readPause } from '../../shared/pause.ts';
import { pauseSentence } from '../../shared/sentences.ts';
import { readClaims } from '../../shared/subnets/claims.ts';
import { lookAtHub } from '../../shared/subnets/spoke.ts';
import { EXIT, type Given, json, type Precommand, UsageError } from '../command.ts';
import { defaults, spokeDefaults } from '../defaults.ts';
import type { Place } from '../deployed.ts';
import { attempt, type Finding, finding, unreadable } from '../finding.ts';
import { reached } from '../hub-findings.ts';
import { explain } from '../person.ts';
import {
  balancing,
  CODE,
  type Code,
  codeBucket,
  codeKeys,
  concurrency,
  names,
  ownVpc,
  reachability,
  reserved,
  taken,
  zonesOf,
} from '../precheck-findings.ts';
import { quotas } from '../quota-findings.ts';
import { deploymentOf } from '../stack-deployment.ts';
import { findingRows } from '../standing.ts';
import { table } from '../table.ts';
import { version } from '../version.ts';
import { encryption } from '../vpc-findings.ts';

/** Names of the framework's services, with which those of their stacks begin: serverless.yml, spoke.yml. */
const HUB = 'ziti-glb';
const SPOKE = 'ziti-glb-spoke';
const FUNCTIONS = ['routers', 'subnets', 'topology', 'health'];
const SPOKE_FUNCTIONS = ['subnets', 'topology'];
/** The plain template alone has these. */
const OF_TEMPLATE = ['codeBucket', 'codePrefix', 'stage', 'tagKeys'];

export const precheck: Precommand = {
  of: 'place',
  args: [],
  summary: 'what would be in the way of a deployment with these parameters',
  options: { ...json, param: { type: 'string', short: 'p', multiple: true }, parameters: { type: 'string' } },
  check: ({ options }) => void parametersOf(options),
  async run({ options, stack: place, terminal, document }) {
    const { stage, code, parameters } = parametersOf(options);
    const spoke = isSpokes(parameters);
    const of = stage ?? (spoke ? place.name.replace(`${SPOKE}-`, '') : place.name).replace(`${HUB}-`, '');
    const own = stage === undefined ? place.name : `${HUB}-${of}`;
    const stack = { ...place, name: spoke ? `${SPOKE}-${of}` : own };
    const region = await stack.clients.ec2.config.region();
    usage(() => {
      checkStage(of, spoke ? SPOKE : HUB);
      if (spoke) checkSpoke(parameters, { region, account: undefined });
      else checkParameters(parameters, { region, defaults });
    });
    const findings = await (spoke ? examineSpoke : examine)(stack, parameters, code);
    if (options.json) document(findings);
    else terminal.out(...table(findingRows(findings, terminal), { columns: terminal.columns }));
    return findings.some(({ is }) => is === 'fault') ? EXIT.todo : EXIT.ok;
  },
};

function usage<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new UsageError(Object(error).message ?? String(error));
  }
}

type Parameters = Record<string, string | number>;

/** A spoke must be given these, and nobody else can be. */
const isSpokes = (parameters: Parameters) => 'hubService' in parameters || 'hubHealth' in parameters;

/** Where the code of a plain template is. */
interface CodePlace {
  bucket: string;
  prefix: string;
}

/** All of the stack's own, the defaults too, and what only a plain template has, if it is given. @throws UsageError */
function parametersOf({ param = [], parameters: path }: Given['options']): {
  parameters: Parameters;
  stage?: string;
  code: CodePlace | undefined;
} {
  const given = usage(() => givenParameters([param].flat().map(String)));
  const ofFile = typeof path === 'string' ? readParameters(path) : {};
  const wanted: Parameters = { ...ofFile, ...Object.fromEntries(given) };
  const known = isSpokes(wanted) ? spokeDefaults : defaults;
  const all: Parameters = { ...known, ...wanted };
  const { stage, codeBucket: bucket, codePrefix: prefix = `ziti-glb/${version}` } = all;
  for (const [name, form] of Object.entries(CODE))
    if (all[name] !== undefined && !form.test(String(all[name])))
      throw new UsageError(`The parameter ${name} is not of the form ${form.source}: ${all[name]}`);
  for (const name of OF_TEMPLATE) delete all[name];
  const unknown = Object.keys(all).find((name) => !(name in known));
  if (unknown) throw new UsageError(`There is no parameter ${unknown}; there are ${Object.keys(known).join(', ')}.`);
  return {
    parameters: all,
    ...(stage !== undefined && { stage: String(stage) }),
    code: bucket === undefined ? undefined : { bucket: String(bucket), prefix: String(prefix) },
  };
}

/** `aws cloudformation deploy --parameter-overrides file://` takes these: https://docs.aws.amazon.com/cli/latest/reference/cloudformation/deploy/ */
const value = z.union([z.string(), z.number()]).transform(String);
const parameterFile = z.union([
  z.object({ Parameters: z.record(z.string(), value) }).transform(({ Parameters }) => Parameters),
  z
    .array(z.object({ ParameterKey: z.string(), ParameterValue: value }))
    .transform((list) => Object.fromEntries(list.map((one) => [one.ParameterKey, one.ParameterValue]))),
  z.array(z.string()).transform((list) => Object.fromEntries(usage(() => givenParameters(list)))),
]);

function readParameters(path: string): Record<string, string> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--parameters ${path} cannot be read: ${Object(error).message ?? error}`);
  }
  const { data } = parameterFile.safeParse(content);
  if (!data)
    throw new UsageError(
      `--parameters ${path} is no file of parameters: it has {"Parameters": {"vpcId": "vpc-…"}}, as examples/production.json`,
    );
  return data;
}

/** Findings of all checks; what one may not read says nothing about the others. */
async function examine(stack: Place, parameters: Parameters, code: CodePlace | undefined): Promise<Finding[]> {
  const text = (name: string) => String(parameters[name]);
  const vpcId = text('vpcId');
  const [who, account] = await identity(stack);
  const parts = await Promise.all([
    attempt('VPC', async () => {
      const { Vpcs = [] } = await stack.clients.ec2.send(new DescribeVpcsCommand({ VpcIds: [vpcId] })).catch(none);
      const [vpc] = Vpcs;
      const pause = readPause(vpc?.Tags, { pauseKey: `${text('tagKey')}:paused` });
      return [
        ownVpc(vpc, vpcId, account),
        ...(pause
          ? [
              finding(
                'warning',
                'pause',
                `the stack would be ${pauseSentence(pause)}, by a tag of ${vpcId}`,
                `ziti-glb resume after it, or: aws ec2 delete-tags --resources ${vpcId} --tags Key=${text('tagKey')}:paused`,
              ),
            ]
          : []),
      ];
    }),
    attempt('zones', () => subnets(stack, text)),
    attempt('encryption controls', () => encryptionOf(stack, vpcId)),
    attempt('load balancer', () => loadBalancer(stack, text)),
    attempt('quotas', async () => {
      const own = await deploymentOf(stack).catch(() => undefined);
      // Those of a stack that is there are reserved already.
      const more = reserved(parameters) - reserved(own?.parameters ?? {});
      return [await executions(stack, Math.max(0, more))];
    }),
    attempt('quotas', () => vpcQuotas(stack, [vpcId], text)),
    attempt('quotas', () => balancingQuotas(stack, text)),
    ...looks(stack, code, FUNCTIONS, text('diverter') === 'own'),
    attempt('names', async () => {
      const variables = resolving(parameters);
      const claims = [
        { name: await claim(variables), where: 'this VPC' },
        ...(text('clientVpcs') === 'own' ? [] : [{ name: await clientsClaim(variables), where: 'other VPCs' }]),
      ];
      return [...names(await namesOf(stack, FUNCTIONS, claims))];
    }),
  ]);
  return [who, ...parts.flat()];
}

/** The same before the deployment of a spoke. */
async function examineSpoke(stack: Place, parameters: Parameters, code: CodePlace | undefined): Promise<Finding[]> {
  const { clients, now } = stack;
  const text = (name: string) => String(parameters[name]);
  const [who, account] = await identity(stack);
  const [hubService, hubHealth, tagKey] = [text('hubService'), text('hubHealth'), text('tagKey')];
  const named = text('clientVpcs') === 'all' ? undefined : text('clientVpcs').split(',');
  const asked = { clientVpcs: named ?? ('all' as const), tagKey, stack: stack.name };
  const told = await readClaims(clients.ssm, asked).catch((error) => ({ denied: explain(error) }));
  const unread = 'denied' in told;
  const claimed = new Set(unread ? [] : told.map(({ vpcId }) => vpcId));
  /** VPCs that are named are left alone if another stack has claimed them. */
  const served = (named ?? []).filter((id) => !claimed.has(id));
  const parts = await Promise.all([
    attempt('hub', async () => {
      if (hubHealth.split(':')[4] === account)
        return [finding('fault', 'hub', `it is of this account, ${account}`, 'name the VPCs in clientVpcs of the hub')];
      const hub = await lookAtHub(clients, { hubService, hubHealth });
      return reached(hub, [], { account, hubHealth }, now());
    }),
    attempt('VPC', async () => {
      const filter = named ? where({ 'vpc-id': named }) : {};
      const all = await collect(paginateDescribeVpcs({ client: clients.ec2 }, filter), 'Vpcs');
      const theirs = (unread ? [] : told).filter(({ vpcId }) => all.some(({ VpcId }) => VpcId === vpcId));
      const isTheirs = (id?: string) => theirs.some(({ vpcId }) => vpcId === id);
      // It would leave those alone: a pause of theirs is not its own.
      const vpcs = all.filter(({ VpcId, OwnerId = account }) => !isTheirs(VpcId) && (named || OwnerId === account));
      const pause = pauseOf(vpcs, { pauseKey: `${tagKey}:paused` });
      return [
        ...(named
          ?.filter((id) => !isTheirs(id))
          .map((id) =>
            ownVpc(
              vpcs.find(({ VpcId }) => VpcId === id),
              id,
              account,
            ),
          ) ?? [finding('ok', 'VPC', `${vpcs.length} of account ${account}`)]),
        ...(unread ? [unreadable('VPC', `AWS says of claims of other stacks: ${told.denied}`)] : []),
        ...theirs.map((claim) =>
          finding(
            named ? 'warning' : 'note',
            'VPC',
            `${claim.vpcId}: the stack ${claim.stack} opts its subnets in by the tag ${tagKey}, and so this one does not`,
            named ? 'take it out of clientVpcs, or give another tagKey' : 'give another tagKey, if it is to be served',
          ),
        ),
        ...(pause
          ? [finding('warning', 'pause', `the stack would be ${pauseSentence(pause)}`, 'ziti-glb resume after it')]
          : []),
      ];
    }),
    ...served.map((vpcId) => attempt('encryption controls', () => encryptionOf(stack, vpcId))),
    attempt('quotas', async () => {
      const own = await deploymentOf(stack).catch(() => undefined);
      return [await executions(stack, text('reserveConcurrency') === 'true' && !own ? 1 : 0)];
    }),
    attempt('quotas', () => vpcQuotas(stack, served, text)),
    ...looks(stack, code, SPOKE_FUNCTIONS, false),
    attempt('names', async () => {
      const claims = [{ name: await clientsClaim(resolving(parameters)), where: 'this account' }];
      return [...names(await namesOf(stack, SPOKE_FUNCTIONS, claims))];
    }),
  ]);
  return [who, ...parts.flat()];
}

const resolving = (parameters: Parameters) => ({
  resolveVariable: async (name: string) => parameters[name.replace('param:', '')],
});

async function encryptionOf({ clients: { ec2 } }: Place, vpcId: string): Promise<Finding[]> {
  const asked = new DescribeVpcEncryptionControlsCommand({ VpcIds: [vpcId] });
  const { VpcEncryptionControls } = await ec2.send(asked).catch(none);
  return VpcEncryptionControls ? [encryption(VpcEncryptionControls, vpcId)] : [];
}

async function executions({ clients: { lambda } }: Place, reserves: number): Promise<Finding> {
  const { AccountLimit = {} } = await lambda.send(new GetAccountSettingsCommand({}));
  const { ConcurrentExecutions: all = 0, UnreservedConcurrentExecutions: unreserved = 0 } = AccountLimit;
  return concurrency({ all, unreserved }, reserves);
}

/** Without it nothing else can be asked: its error ends the command. */
async function identity({ clients: { sts } }: Place): Promise<[Finding, account: string]> {
  const { Arn = '', Account = '' } = await sts.send(new GetCallerIdentityCommand({}));
  return [finding('ok', 'credentials', `${Arn}, of account ${Account}`), Account];
}

/** AWS's error for an id that is not there is an answer here. */
function none(error: unknown): Record<string, undefined> {
  if (/NotFound(Exception)?$/.test(code(error))) return {};
  throw error;
}

/** One that is there, and is to be taken. */
async function loadBalancer({ clients: { ec2, elb } }: Place, text: (name: string) => string): Promise<Finding[]> {
  if (text('loadBalancerArn') === '') return [];
  const ServiceIds = [text('serviceId')];
  const [{ LoadBalancers }, { TargetGroups }, { ServiceConfigurations }] = await Promise.all([
    elb.send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [text('loadBalancerArn')] })).catch(none),
    elb.send(new DescribeTargetGroupsCommand({ TargetGroupArns: [text('targetGroupArn')] })).catch(none),
    ec2.send(new DescribeVpcEndpointServiceConfigurationsCommand({ ServiceIds })).catch(none),
  ]);
  const [[balancer], [group], [service]] = [LoadBalancers ?? [], TargetGroups ?? [], ServiceConfigurations ?? []];
  return taken({
    ...{ vpcId: text('vpcId'), type: balancer?.Type, ofVpc: balancer?.VpcId },
    ...{
      protocol: group?.Protocol,
      targetType: group?.TargetType,
      accepts: service && service.AcceptanceRequired === true,
    },
  });
}

async function subnets({ clients: { ec2 } }: Place, text: (name: string) => string): Promise<Finding[]> {
  const client = { client: ec2 };
  const wanted = text('subnetIds').split(',').filter(Boolean);
  const standing = text('routerSubnets').split(',').filter(Boolean);
  const ids = [...new Set([...wanted, ...standing])];
  if (ids.length === 0) return [];
  // A paginator keeps its token in the input that it is given: each needs one of its own.
  const inVpc = () => where({ 'vpc-id': [text('vpcId')] });
  // By a filter: one that is not there leaves the others to be told of.
  const [there, tables, endpoints] = await Promise.all([
    collect(paginateDescribeSubnets(client, where({ 'subnet-id': ids })), 'Subnets'),
    collect(paginateDescribeRouteTables(client, inVpc()), 'RouteTables'),
    collect(paginateDescribeVpcEndpoints(client, inVpc()), 'VpcEndpoints'),
  ]);
  const ways = {
    ...{ tables, endpoints, elsewhere: text('systemsManagerCidrs').split(/\s+/).filter(Boolean) },
    ...{ certain: standing.length > 0, fetches: text('diverter') === 'own' },
  };
  const routers = standing.length > 0 ? standing : wanted;
  const reached = there.filter(({ SubnetId = '', VpcId }) => routers.includes(SubnetId) && VpcId === text('vpcId'));
  const missing = standing.filter((id) => !there.some(({ SubnetId }) => SubnetId === id));
  return [
    ...zonesOf(wanted, there, text('vpcId')),
    ...missing.map((id) => finding('fault', 'zones', `${id} of routerSubnets is not there`, 'give subnets of vpcId')),
    ...reached.flatMap((subnet) => reachability(subnet, ways)),
  ];
}

/** Quotas as the parameters have them, and AWS. */
async function vpcQuotas({ clients }: Place, vpcIds: string[], text: (name: string) => string): Promise<Finding[]> {
  const limit = async (QuotaCode: string) =>
    (await clients.quotas.send(new GetServiceQuotaCommand({ ServiceCode: 'vpc', QuotaCode }))).Quota?.Value ?? 0;
  const [endpoints, routes] = await Promise.all([limit('L-29B6F2EB'), limit('L-93826ACB')]);
  const inVpcs = paginateDescribeVpcEndpoints({ client: clients.ec2 }, where({ 'vpc-id': vpcIds }));
  const all = vpcIds.length > 0 ? await collect(inVpcs, 'VpcEndpoints') : [];
  const counting = all.filter(({ VpcEndpointType }) => VpcEndpointType !== 'Gateway');
  const name = 'Interface VPC endpoints per VPC';
  const over = [
    ['endpointsPerVpc', endpoints],
    ['routesPerTable', routes],
  ] as const;
  return [
    ...quotas(
      vpcIds.map((of) => {
        const used = counting.filter(({ VpcId }) => VpcId === of).length;
        return { name, of, used, limit: endpoints, adjustable: true };
      }),
    ),
    ...over
      .filter(([parameter, value]) => Number(text(parameter)) > value)
      .map(([parameter, value]) =>
        finding(
          'warning',
          'quotas',
          `${parameter} is ${text(parameter)}, and the account's quota ${value}`,
          `ask for more in Service Quotas, or give --param ${parameter}=${value}`,
        ),
      ),
  ];
}

/** Elastic Load Balancing's quotas count for a stack that takes no load balancer, and does not stand already. */
async function balancingQuotas(stack: Place, text: (name: string) => string): Promise<Finding[]> {
  if (text('loadBalancerArn') !== '' || (await deploymentOf(stack).catch(() => undefined))) return [];
  const { elb } = stack.clients;
  const client = { client: elb };
  const [limits, balancers, groups, region] = await Promise.all([
    collect(paginateDescribeAccountLimits(client, {}), 'Limits'),
    collect(paginateDescribeLoadBalancers(client, {}), 'LoadBalancers'),
    collect(paginateDescribeTargetGroups(client, {}), 'TargetGroups'),
    elb.config.region(),
  ]);
  return balancing({
    ...{ vpcId: text('vpcId'), region },
    balancers: balancers.filter(({ Type }) => Type === 'gateway').map(({ VpcId }) => VpcId),
    groups: groups.filter(({ Protocol }) => Protocol === 'GENEVE').length,
    limits: new Map(limits.map(({ Name = '', Max }) => [Name, Number(Max)])),
  });
}

const looks = (stack: Place, code: CodePlace | undefined, functions: readonly string[], fetches: boolean) =>
  code ? [attempt('code', async () => [await lookInto(stack, { ...code, functions, fetches })])] : [];

/** A bucket's keys below a prefix, and those that may not be read. */
async function lookInto(
  { clients: { s3 } }: Place,
  { bucket, prefix, functions, fetches }: CodePlace & Pick<Code, 'functions' | 'fetches'>,
): Promise<Finding> {
  const region = await s3.config.region();
  const code = { bucket, prefix, region, functions, fetches, keys: [] as string[], denied: [] as string[] };
  const head = await answerTo(s3.send(new HeadBucketCommand({ Bucket: bucket })));
  if (head === 404) return codeBucket({ ...code, where: undefined });
  if (head === 403)
    return unreadable('code', `S3 answers 403 of ${bucket}: s3:ListBucket is lacking, or it is another account's.`);
  const where = head.BucketRegion ?? region;
  if (where !== region) return codeBucket({ ...code, where });
  const listed = await collect<'Contents', { Key?: string | undefined }>(
    paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: `${prefix}/` }),
    'Contents',
  );
  const keys = listed.flatMap(({ Key }) => Key ?? []);
  const wanted = codeKeys({ prefix, functions, fetches, keys }).flatMap(({ key }) => key ?? []);
  const heads = await Promise.all(
    wanted.map(async (Key) => ({
      Key,
      answer: await answerTo(s3.send(new HeadObjectCommand({ Bucket: bucket, Key }))),
    })),
  );
  const denied = heads.flatMap(({ Key, answer }) => (typeof answer === 'number' ? [Key] : []));
  const [encryptedBy] = heads.flatMap(({ Key, answer }) =>
    typeof answer === 'object' && Key.includes('/diverter/') ? (answer.SSEKMSKeyId ?? []) : [],
  );
  return codeBucket({ ...code, where, keys, denied, encryptedBy });
}

/** An answer to HEAD has no body that names the error: its status is what it says. */
async function answerTo<T>(asked: Promise<T>): Promise<T | 403 | 404> {
  try {
    return await asked;
  } catch (error) {
    const { httpStatusCode: status } = Object(error).$metadata ?? {};
    if (status === 403 || status === 404) return status;
    throw error;
  }
}

async function namesOf(stack: Place, functions: readonly string[], claims: readonly { name: string; where: string }[]) {
  const { lambda, logs, ssm } = stack.clients;
  const wanted = functions.map((suffix) => `${stack.name}-${suffix}`);
  const [deployment, present, groups, holders] = await Promise.all([
    deploymentOf(stack),
    Promise.all(
      wanted.map(async (FunctionName) =>
        (await there(lambda.send(new GetFunctionConfigurationCommand({ FunctionName })))) ? [FunctionName] : [],
      ),
    ),
    collect(
      paginateDescribeLogGroups({ client: logs }, { logGroupNamePrefix: `/aws/lambda/${stack.name}-` }),
      'logGroups',
    ),
    Promise.all(claims.map(({ name: Name }) => there(ssm.send(new GetParameterCommand({ Name }))))),
  ]);
  const logGroups = groups
    .flatMap(({ logGroupName = '' }) => logGroupName)
    .filter((name) => wanted.includes(name.replace('/aws/lambda/', '')));
  const held = claims.map((each, at) => ({ ...each, holder: holders[at]?.Parameter?.Value }));
  return { stack: stack.name, deployment, functions: present.flat(), logGroups, claims: held };
}

/** Undefined of what is not there. */
async function there<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (/^(ResourceNotFoundException|ParameterNotFound)$/.test(code(error))) return undefined;
    throw error;
  }
}
