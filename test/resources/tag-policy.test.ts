import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { createIam } from '../../local/wire/iam.ts';
import { documents } from '../support/documents.ts';

const place = { region: 'eu-central-1', account: '111122223333' };
const text = readFileSync('examples/tag-policy.json', 'utf8');
const policy: Record<string, unknown> = JSON.parse(text);
const arnOf = (type: string, id: string) => `arn:aws:ec2:${place.region}:${place.account}:${type}/${id}`;

const ROUTERS = 'ziti-glb-dev-RoutersRole-1A2B3C4D5E6F';
const SUBNETS = 'ziti-glb-dev-SubnetsRole-1A2B3C4D5E6F';

/** Whether a role may do this that may do everything, but for what the policy denies. */
async function may(name: string, operation: string, input: Record<string, unknown>, service = 'ec2') {
  const all = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
  const arn = `arn:aws:iam::${place.account}:role/${name}`;
  const policies = [
    { name: 'all', document: all },
    { name: 'tags', document: policy },
  ];
  const role = { name, arn, trust: {}, managedPolicyArns: [], policies };
  const things = new Map(
    [
      arnOf('instance', 'i-0'),
      arnOf('route-table', 'rtb-0'),
      arnOf('subnet', 'subnet-0'),
      arnOf('vpc-endpoint', 'vpce-0'),
    ].map((thing) => [thing.split('/')[1], { arn: thing, tags: new Map<string, string>(), keys: {} }]),
  );
  const iam = createIam({ ...place, roles: new Map([[name, role]]), find: (_member, value) => things.get(value) });
  const call = { service, operation, accessKeyId: name, principal: arn, requestId: '0' };
  return iam.around(call, input, async () => true).catch(() => false);
}

const tags = (...keys: string[]) => ({ Tags: keys.map((Key) => ({ Key, Value: 'x' })) });

test.each([
  ['i-0', ['ziti-glb']],
  ['i-0', ['ziti-glb:diverter']],
  ['i-0', ['Name', 'ziti-glb:leaving']],
  ['rtb-0', ['ziti-glb:former:10.20.0.0/16']],
  ['subnet-0', ['ziti-glb']],
  ['vpce-0', ['ziti-glb:stack']],
])('of %s nobody else writes or takes %j', async (id, keys) => {
  const input = { Resources: [id], ...tags(...keys) };
  for (const operation of ['CreateTags', 'DeleteTags']) {
    expect(await may('developer', operation, input)).toBe(false);
    expect(await may('network-admins', operation, input)).toBe(true);
    expect(await may(id === 'i-0' ? ROUTERS : SUBNETS, operation, input)).toBe(true);
  }
});

test('all other tags are everybody’s', async () => {
  for (const operation of ['CreateTags', 'DeleteTags'])
    expect(await may('developer', operation, { Resources: ['i-0'], ...tags('Name', 'ziti-glbx') })).toBe(true);
});

test('nobody takes all tags at once, and ours with them, but who looks after them', async () => {
  for (const [name, allowed] of [
    ['developer', false],
    [ROUTERS, false],
    ['network-admins', true],
  ] as const)
    expect(await may(name, 'DeleteTags', { Resources: ['i-0'] })).toBe(allowed);
});

test('nobody else launches a router', async () => {
  const launch = (...keys: string[]) => ({
    ...{ ImageId: 'ami-0', MinCount: 1, MaxCount: 1, SubnetId: 'subnet-0' },
    ...(keys.length > 0 && { TagSpecifications: [{ ResourceType: 'instance', ...tags(...keys) }] }),
  });
  expect(await may('developer', 'RunInstances', launch('ziti-glb'))).toBe(false);
  expect(await may('network-admins', 'RunInstances', launch('ziti-glb'))).toBe(true);
  expect(await may('developer', 'RunInstances', launch('Name'))).toBe(true);
  expect(await may('developer', 'RunInstances', launch())).toBe(true);
});

test('the guide shows it as it is', () => {
  expect(documents.get('docs/security.md')).toContain(`\`\`\`json\n${text}\`\`\``);
});
