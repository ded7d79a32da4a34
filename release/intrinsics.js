import { packages } from '../resources/diverter.js';
import { healthPermission, MOST_SPOKES, organizationPermission } from '../resources/parameters.js';

/*
 * CloudFormation computes this of parameters when the plain template is deployed, as resources/parameters.js and resources/diverter.js do
 * when the stack is packaged. They have the same names; test/release/template.stack.test.ts holds the values equal.
 */

/** A marker stands for a parameter, or a computed value, until release/template.ts puts CloudFormation's own way there. */
export const marker = (name) => `@@${name}@@`;

const ref = (name) => ({ Ref: name });
const when = (condition, then, otherwise) => ({ 'Fn::If': [condition, then, otherwise] });
const equals = (name, value) => ({ 'Fn::Equals': [ref(name), value] });
const NOTHING = ref('AWS::NoValue');

/** The account of a spoke by its place in the list, which ends in as many commas: empty if it has no so many. */
const spoke = (at) => ({
  'Fn::Select': [at, { 'Fn::Split': [',', { 'Fn::Sub': `\${spokeAccounts}${','.repeat(MOST_SPOKES)}` }] }],
});
const spokes = Array.from({ length: MOST_SPOKES }, (_, at) => ({ name: `Spoke${at + 1}`, account: spoke(at) }));

/** The plain template has these conditions beside those of resources/*.yml. */
export const conditions = {
  OwnDiverter: equals('diverter', 'own'),
  AsksRouterAlone: { 'Fn::Or': [equals('healthCheck', 'router'), equals('diverter', 'netfoundry')] },
  AsksBoth: { 'Fn::And': [{ 'Fn::Not': [{ Condition: 'AsksRouterAlone' }] }, equals('healthCheck', 'both')] },
  AsksNoService: {
    'Fn::And': [{ 'Fn::Not': [{ Condition: 'AsksRouterAlone' }] }, equals('servicesRequired', 'false')],
  },
  AsksBothAndNoService: { 'Fn::And': [{ Condition: 'AsksBoth' }, { Condition: 'AsksNoService' }] },
  ServesOwnVpc: equals('clientVpcs', 'own'),
  ServesAllVpcs: equals('clientVpcs', 'all'),
  Rebalances: equals('failover', 'rebalance'),
  ReservesConcurrency: equals('reserveConcurrency', 'true'),
  ReservesForSpokes: {
    'Fn::And': [
      { Condition: 'ReservesConcurrency' },
      { 'Fn::Or': [{ 'Fn::Not': [equals('spokeAccounts', '')] }, { Condition: 'NamesOrganization' }] },
    ],
  },
  BoundsPermissions: { 'Fn::Not': [equals('permissionsBoundary', '')] },
  NamesOrganization: { 'Fn::Not': [equals('spokeOrganization', '')] },
  AllowsOthers: { 'Fn::Not': [equals('allowedPrincipals', '')] },
  ...Object.fromEntries(spokes.map(({ name, account }) => [name, { 'Fn::Not': [{ 'Fn::Equals': [account, ''] }] }])),
};

export const isRouter = { [`aws:ResourceTag/${marker('tagKey')}`]: 'router' };
export const isNoted = { [`aws:ResourceTag/${marker('tagKey')}:source-dest-check`]: 'false' };
export const claim = `/ziti-glb/${marker('vpcId')}/${marker('tagKey')}`;
export const clientsClaim = `/ziti-glb/clients/${marker('tagKey')}`;
export const healthCheck = {
  protocol: when('AsksRouterAlone', 'HTTPS', 'HTTP'),
  port: when('AsksRouterAlone', '8081', '8082'),
  path: when('AsksRouterAlone', '/health-checks', '/'),
};
export const healthPort = when('AsksRouterAlone', '', '8082');
export const healthOptions = when(
  'AsksBothAndNoService',
  '--router 8081 --idle',
  when('AsksBoth', '--router 8081', when('AsksNoService', '--idle', '')),
);
export const permissionsBoundary = when('BoundsPermissions', ref('permissionsBoundary'), NOTHING);
/** CloudFormation has the tags from who deploys: aws cloudformation deploy --tags. */
export const stackTags = {};
export const tagKeys = { 'Fn::Split': [',', ref('tagKeys')] };
export const architecture = 'arm64';
/** The framework wants a number of days; release/template.ts puts the parameter there. */
export const logRetention = 30;
export const reservedConcurrency = when('ReservesConcurrency', 1, NOTHING);
export const healthConcurrency = when('ReservesForSpokes', 1, NOTHING);
export const routerSubnets = { 'Fn::Join': [' ', { 'Fn::Split': [',', ref('routerSubnets')] }] };
const root = (account) => `arn:\${AWS::Partition}:iam::${account}:root`;
export const allowedPrincipals = {
  'Fn::Split': [
    ',',
    {
      'Fn::Join': [
        '',
        [
          { 'Fn::Sub': root(`\${AWS::AccountId}`) },
          when('AllowsOthers', { 'Fn::Sub': `,\${allowedPrincipals}` }, ''),
          ...spokes.map(({ name, account }) => when(name, { 'Fn::Sub': [`,${root(`\${account}`)}`, { account }] }, '')),
        ],
      ],
    },
  ],
};
export const spokeAccountIds = { 'Fn::Join': [' ', { 'Fn::Split': [',', ref('spokeAccounts')] }] };
export const healthPermissions = Object.fromEntries([
  ...spokes.map(({ name, account }, at) => [
    `HealthPermission${at + 1}`,
    { Condition: name, ...healthPermission(account) },
  ]),
  [
    'HealthPermissionOfOrganization',
    { Condition: 'NamesOrganization', ...organizationPermission(ref('spokeOrganization')) },
  ],
]);
const vpcArn = (id) => ({ 'Fn::Sub': `arn:\${AWS::Partition}:ec2:\${AWS::Region}:\${AWS::AccountId}:vpc/${id}` });
/** Fn::Join takes no function between its parts: what stands there names any partition, region and account, which a VPC's id does not need. */
const NEXT = ',arn:*:ec2:*:*:vpc/';
const vpcArns = (first) => ({
  'Fn::Split': [
    ',',
    {
      'Fn::Sub': [
        vpcArn(first)['Fn::Sub'],
        { given: { 'Fn::Join': [NEXT, { 'Fn::Split': [',', ref('clientVpcs')] }] } },
      ],
    },
  ],
});
export const clientVpcs = when(
  'ServesOwnVpc',
  [vpcArn(`\${vpcId}`)],
  when('ServesAllVpcs', [vpcArn('*')], vpcArns(`\${vpcId}${NEXT}\${given}`)),
);
export const spokeVpcs = when('ServesAllVpcs', [vpcArn('*')], vpcArns(`\${given}`));
export const clientVpcIds = { 'Fn::Join': [' ', { 'Fn::Split': [',', ref('clientVpcs')] }] };
export const gatewayOwners = { 'Fn::Join': [' ', { 'Fn::Split': [',', ref('gatewayOwners')] }] };
const attribute = (Key, Value) => ({ Key, Value });
export const failover = [
  attribute('deregistration_delay.timeout_seconds', ref('deregistrationDelay')),
  ...['on_deregistration', 'on_unhealthy'].flatMap((event) => [
    attribute(`target_failover.${event}`, when('Rebalances', 'rebalance', 'no_rebalance')),
    attribute(`send_tcp_reset.${event}.enabled`, when('Rebalances', 'false', 'true')),
  ]),
];

const built = (text) =>
  when(
    'OwnDiverter',
    packages()
      .map(text)
      .join(text === hashOf ? '|' : ' '),
    '',
  );
const hashOf = ({ sha256 }) => sha256;
export const builds = built(({ architecture, sha256 }) => `${architecture}=${sha256}`);
/** The hashes are part of a regular expression, and so a marker. */
export const hashes = marker('hashes');

/** Markers that are no parameter's stand for these. */
export const computed = { hashes: built(hashOf) };
