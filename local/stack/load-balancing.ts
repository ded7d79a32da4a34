import type { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import {
  flag,
  integer,
  keyValues,
  type Made,
  type ResourceType,
  refuseChange,
  resourceType,
  tags,
  text,
  until,
} from './resource-type.ts';

/** Metrics know a load balancer or target group by the tail of its ARN. */
const fullName = (arn: string) => arn.split(/:(?:loadbalancer\/)?/).at(-1);

/** ModifyTargetGroup can change these of a target group. https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyTargetGroup.html */
const HEALTH_CHECK = [
  'HealthCheckProtocol',
  'HealthCheckPort',
  'HealthCheckPath',
  'HealthCheckIntervalSeconds',
  'HealthCheckTimeoutSeconds',
  'HealthyThresholdCount',
  'UnhealthyThresholdCount',
  'Matcher',
] as const;

const tagging =
  (elb: ElasticLoadBalancingV2, arn: string): Made['tag'] =>
  async ({ set, remove }) => {
    if (set.length > 0) await elb.addTags({ ResourceArns: [arn], Tags: set });
    if (remove.length > 0) await elb.removeTags({ ResourceArns: [arn], TagKeys: remove });
  };

export function loadBalancingTypes(elb: ElasticLoadBalancingV2, clock: Clock): Record<string, ResourceType> {
  return {
    'AWS::ElasticLoadBalancingV2::LoadBalancer': resourceType(
      z.strictObject({
        Name: text.optional(),
        Type: z.literal('gateway'),
        Subnets: z.array(text),
        IpAddressType: z.enum(['ipv4', 'dualstack']).optional(),
        LoadBalancerAttributes: keyValues,
        Tags: tags,
      }),
      ['LoadBalancerArn', 'LoadBalancerFullName', 'LoadBalancerName'],
      async (properties, { physicalName }) => {
        const { LoadBalancerAttributes, ...balancer } = properties;
        const LoadBalancerName = balancer.Name ?? physicalName(32);
        const { LoadBalancers } = await elb.createLoadBalancer({ ...balancer, Name: LoadBalancerName });
        const LoadBalancerArn = given(LoadBalancers?.[0]?.LoadBalancerArn);
        await modify(LoadBalancerAttributes, (Attributes) =>
          elb.modifyLoadBalancerAttributes({ LoadBalancerArn, Attributes }),
        );
        return {
          ref: LoadBalancerArn,
          attributes: { LoadBalancerArn, LoadBalancerName, LoadBalancerFullName: fullName(LoadBalancerArn) },
          stable: until(clock, `${LoadBalancerName} in state active`, async () => {
            const { LoadBalancers } = await elb.describeLoadBalancers({ LoadBalancerArns: [LoadBalancerArn] });
            return LoadBalancers?.[0]?.State?.Code === 'active';
          }),
          async update(changed) {
            refuseChange(properties, changed, ['LoadBalancerAttributes', 'Subnets']);
            if (changed.Subnets.join() !== properties.Subnets.join())
              await elb.setSubnets({ LoadBalancerArn, Subnets: changed.Subnets });
            await modify(changed.LoadBalancerAttributes, (Attributes) =>
              elb.modifyLoadBalancerAttributes({ LoadBalancerArn, Attributes }),
            );
          },
          tag: tagging(elb, LoadBalancerArn),
          remove: () => elb.deleteLoadBalancer({ LoadBalancerArn }),
        };
      },
    ),

    'AWS::ElasticLoadBalancingV2::TargetGroup': resourceType(
      z.strictObject({
        Name: text.optional(),
        Protocol: z.literal('GENEVE'),
        Port: integer,
        TargetType: z.enum(['instance', 'ip']).optional(),
        VpcId: text,
        HealthCheckEnabled: flag.optional(),
        HealthCheckProtocol: z.enum(['TCP', 'HTTP', 'HTTPS']).optional(),
        HealthCheckPort: text.optional(),
        HealthCheckPath: text.optional(),
        HealthCheckIntervalSeconds: integer.optional(),
        HealthCheckTimeoutSeconds: integer.optional(),
        HealthyThresholdCount: integer.optional(),
        UnhealthyThresholdCount: integer.optional(),
        Matcher: z.strictObject({ HttpCode: text }).optional(),
        TargetGroupAttributes: keyValues,
        Tags: tags,
      }),
      ['TargetGroupArn', 'TargetGroupFullName', 'TargetGroupName'],
      async (properties, { physicalName }) => {
        const { TargetGroupAttributes, ...group } = properties;
        const TargetGroupName = group.Name ?? physicalName(32);
        const { TargetGroups } = await elb.createTargetGroup({ ...group, Name: TargetGroupName });
        const TargetGroupArn = given(TargetGroups?.[0]?.TargetGroupArn);
        await modify(TargetGroupAttributes, (Attributes) =>
          elb.modifyTargetGroupAttributes({ TargetGroupArn, Attributes }),
        );
        return {
          ref: TargetGroupArn,
          attributes: { TargetGroupArn, TargetGroupName, TargetGroupFullName: fullName(TargetGroupArn) },
          async update(changed) {
            refuseChange(properties, changed, ['TargetGroupAttributes', ...HEALTH_CHECK]);
            const { TargetGroupAttributes, ...group } = changed;
            const health = Object.fromEntries(HEALTH_CHECK.map((name) => [name, group[name]]));
            await elb.modifyTargetGroup({ TargetGroupArn, ...health });
            await modify(TargetGroupAttributes, (Attributes) =>
              elb.modifyTargetGroupAttributes({ TargetGroupArn, Attributes }),
            );
          },
          tag: tagging(elb, TargetGroupArn),
          remove: () => elb.deleteTargetGroup({ TargetGroupArn }),
        };
      },
    ),

    'AWS::ElasticLoadBalancingV2::Listener': resourceType(
      z.strictObject({
        LoadBalancerArn: text,
        DefaultActions: z.array(z.strictObject({ Type: z.literal('forward'), TargetGroupArn: text })),
        ListenerAttributes: keyValues,
      }),
      ['ListenerArn'],
      async (properties) => {
        const { ListenerAttributes, ...listener } = properties;
        const { Listeners } = await elb.createListener(listener);
        const ListenerArn = given(Listeners?.[0]?.ListenerArn);
        await modify(ListenerAttributes, (Attributes) => elb.modifyListenerAttributes({ ListenerArn, Attributes }));
        return {
          ref: ListenerArn,
          attributes: { ListenerArn },
          async update(changed) {
            refuseChange(properties, changed, ['ListenerAttributes']);
            await modify(changed.ListenerAttributes, (Attributes) =>
              elb.modifyListenerAttributes({ ListenerArn, Attributes }),
            );
          },
          remove: () => elb.deleteListener({ ListenerArn }),
        };
      },
    ),
  };
}

type Attributes = z.infer<typeof keyValues>;

async function modify(attributes: Attributes, call: (attributes: Attributes) => Promise<unknown>): Promise<void> {
  if (attributes.length > 0) await call(attributes);
}

function given(arn: string | undefined): string {
  if (arn === undefined) throw new Error('Elastic Load Balancing answered without the ARN of what it made');
  return arn;
}
