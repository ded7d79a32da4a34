import type * as sdk from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Listener, LoadBalancer, TargetGroup } from '../../state/elbv2.ts';
import type { Operations } from '../../wire/api.ts';
import { AwsError } from '../../wire/errors.ts';
import { paginate } from '../paginate.ts';
import type { World } from '../world.ts';

export type Elb = Operations<typeof sdk>;

export function loadBalancerOf(world: World, arn: string): LoadBalancer {
  const found = world.loadBalancers.get(arn);
  if (!found) throw new AwsError('LoadBalancerNotFound', `Load balancer '${arn}' not found`);
  return found;
}

export function targetGroupOf(world: World, arn: string): TargetGroup {
  const found = world.targetGroups.get(arn);
  if (!found) throw new AwsError('TargetGroupNotFound', `Target group '${arn}' not found`);
  return found;
}

export function listenerOf(world: World, arn: string): Listener {
  const found = world.listeners.get(arn);
  if (!found) throw new AwsError('ListenerNotFound', `Listener '${arn}' not found`);
  return found;
}

/** The listener that sends to the group, if one does: a GENEVE group belongs to one load balancer at most. */
export function listenerTo(world: World, { arn }: TargetGroup): Listener | undefined {
  return [...world.listeners.values()].find(({ targetGroupArn }) => targetGroupArn === arn);
}

/** `arn:aws:elasticloadbalancing:…:loadbalancer/gwy/NAME/0123456789abcdef` */
export function newArn(world: World, kind: 'loadbalancer/gwy' | 'targetgroup', name: string): string {
  return `arn:aws:elasticloadbalancing:${world.region}:${world.account}:${kind}/${name}/${hex16(world)}`;
}

export function listenerArn(world: World, loadBalancerArn: string): string {
  return `${loadBalancerArn.replace(':loadbalancer/', ':listener/')}/${hex16(world)}`;
}

const hex16 = (world: World) => world.id('elb').slice(-16);

/** Checks a name of a load balancer or a target group. */
export function checkName(name: string): void {
  if (!/^(?!internal-)[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/.test(name))
    throw new AwsError(
      'ValidationError',
      `The name '${name}' must be 1 to 32 letters, digits and hyphens, and not begin or end with a hyphen`,
    );
}

/** One page of an ELB Describe call, which has a marker and no filters. */
export function markedPage<T>(
  records: T[],
  { Marker, PageSize }: { Marker?: string | undefined; PageSize?: number | undefined },
) {
  const { page, NextToken } = paginate(
    records,
    { NextToken: Marker, MaxResults: PageSize },
    { least: 1, greatest: 400 },
  );
  return { page, next: NextToken === undefined ? {} : { NextMarker: NextToken } };
}

type Tags = { Key?: string | undefined; Value?: string | undefined }[] | undefined;

export function setTags(world: World, arn: string, tags: Tags): void {
  const set = world.tags.get(arn) ?? new Map<string, string>();
  for (const { Key = '', Value = '' } of tags ?? []) set.set(Key, Value);
  world.tags.set(arn, set);
}

/** Tags of load balancers, listeners and target groups. */
export function elbTags(world: World) {
  return {
    AddTags({ ResourceArns, Tags }) {
      for (const arn of ResourceArns) check(arn);
      for (const arn of ResourceArns) setTags(world, arn, Tags);
      return {};
    },

    RemoveTags({ ResourceArns, TagKeys }) {
      for (const arn of ResourceArns) check(arn);
      for (const arn of ResourceArns) for (const key of TagKeys) world.tags.get(arn)?.delete(key);
      return {};
    },

    DescribeTags({ ResourceArns }) {
      for (const arn of ResourceArns) check(arn);
      return {
        TagDescriptions: ResourceArns.map((arn) => ({
          ResourceArn: arn,
          Tags: [...(world.tags.get(arn) ?? [])].map(([Key, Value]) => ({ Key, Value })),
        })),
      };
    },
  } satisfies Elb;

  function check(arn: string): void {
    if (arn.includes(':targetgroup/')) targetGroupOf(world, arn);
    else if (arn.includes(':listener/')) listenerOf(world, arn);
    else loadBalancerOf(world, arn);
  }
}
