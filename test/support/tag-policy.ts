import { readFileSync } from 'node:fs';
import { createIam } from '../../local/iam/iam.ts';

const place = { region: 'eu-central-1', account: '111122223333' };
export const TAG_POLICY = readFileSync('examples/tag-policy.json', 'utf8');
const arnOf = (type: string, id: string) => `arn:aws:ec2:${place.region}:${place.account}:${type}/${id}`;

export const tags = (...keys: string[]) => ({ Tags: keys.map((Key) => ({ Key, Value: 'x' })) });

/** A role that may do everything but for what the example's policy denies may do this by IAM's rules, or not. */
export async function may(name: string, operation: string, input: Record<string, unknown>, service = 'ec2') {
  const all = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
  const arn = `arn:aws:iam::${place.account}:role/${name}`;
  const policies = [
    { name: 'all', document: all },
    { name: 'tags', document: JSON.parse(TAG_POLICY) as Record<string, unknown> },
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
  return iam.middleware(call, input, async () => true).catch(() => false);
}

/** RunInstances launches an instance with these tags. */
export const launching = (...keys: string[]) => ({
  ...{ ImageId: 'ami-0', MinCount: 1, MaxCount: 1, SubnetId: 'subnet-0' },
  ...(keys.length > 0 && { TagSpecifications: [{ ResourceType: 'instance', ...tags(...keys) }] }),
});
