import type * as sdk from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Operations } from '../../wire/api.ts';
import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { paginate } from '../paginate.ts';
import type { Listener, LoadBalancer, TargetGroup } from './records.ts';

export type Elb = Operations<typeof sdk>;

export function loadBalancerOf(cloud: CloudContext, arn: string): LoadBalancer {
  const found = cloud.loadBalancers.get(arn);
  if (!found) throw new AwsError('LoadBalancerNotFound', `Load balancer '${arn}' not found`);
  return found;
}

export function targetGroupOf(cloud: CloudContext, arn: string): TargetGroup {
  const found = cloud.targetGroups.get(arn);
  if (!found) throw new AwsError('TargetGroupNotFound', `Target group '${arn}' not found`);
  return found;
}

export function listenerOf(cloud: CloudContext, arn: string): Listener {
  const found = cloud.listeners.get(arn);
  if (!found) throw new AwsError('ListenerNotFound', `Listener '${arn}' not found`);
  return found;
}

/** A listener sends to the group, or none does: a GENEVE group belongs to one load balancer at most. */
export function listenerTo(cloud: CloudContext, { arn }: TargetGroup): Listener | undefined {
  return [...cloud.listeners.values()].find(({ targetGroupArn }) => targetGroupArn === arn);
}

/** `arn:aws:elasticloadbalancing:…:loadbalancer/gwy/NAME/0123456789abcdef` */
export function newArn(cloud: CloudContext, kind: 'loadbalancer/gwy' | 'targetgroup', name: string): string {
  return `arn:aws:elasticloadbalancing:${cloud.region}:${cloud.account}:${kind}/${name}/${hex16(cloud)}`;
}

export function listenerArn(cloud: CloudContext, loadBalancerArn: string): string {
  return `${loadBalancerArn.replace(':loadbalancer/', ':listener/')}/${hex16(cloud)}`;
}

const hex16 = (cloud: CloudContext) => cloud.id('elb').slice(-16);

/** Checks a name of a load balancer or a target group. */
export function checkName(name: string): void {
  if (!/^(?!internal-)[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/.test(name))
    throw new AwsError(
      'ValidationError',
      `The name '${name}' must be 1 to 32 letters, digits and hyphens, and not begin or end with a hyphen`,
    );
}

/** An ELB Describe call has a marker and no filters, and answers with one page. */
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
