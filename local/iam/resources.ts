import type { CloudContext } from '../services/context.ts';
import { arnOf, KINDS, type Kind } from '../services/ec2/find.ts';
import { documentArn } from '../services/ssm/documents.ts';
import { zoneName } from '../services/zones.ts';

/** IAM sees a resource so. */
export interface AuthorizedResource {
  arn: string;
  tags: ReadonlyMap<string, string>;
  /** Policies may ask this about it besides, by condition key. */
  keys: Readonly<Record<string, string>>;
  /** The instance that an interface belongs to. */
  attachedTo?: AuthorizedResource | undefined;
}

/** Finds the resource that a member of a request names, whether it exists or not; undefined if it names none. */
export type FindResource = (member: string, value: string) => AuthorizedResource | undefined;

/**
 * Requests name resources so. Condition keys are those of
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html. Of a resource that does not
 * exist nothing is known, so that a policy with a condition does not hold for it.
 */
export function authorizedResources(cloud: CloudContext): FindResource {
  const none = new Map<string, string>();
  const byArn = (arn: string) => ({ arn, tags: cloud.tags.get(arn) ?? none, keys: {} });
  const inVpc = (vpcId: string) => ({ 'ec2:Vpc': arnOf(cloud, 'vpc', vpcId) });

  const keys: Partial<Record<Kind, (id: string) => Record<string, string> | undefined>> = {
    vpc: (id) => ({ 'ec2:VpcID': id }),
    subnet(id) {
      const subnet = cloud.subnets.get(id);
      return (
        subnet && { ...inVpc(subnet.vpcId), 'ec2:SubnetID': id, 'ec2:AvailabilityZone': zoneName(cloud, subnet.zone) }
      );
    },
    routeTable(id) {
      const table = cloud.routeTables.get(id);
      return table && { ...inVpc(table.vpcId), 'ec2:RouteTableID': id };
    },
    interface(id) {
      const subnet = cloud.subnets.get(cloud.interfaces.get(id)?.subnetId ?? '');
      return (
        subnet && {
          ...inVpc(subnet.vpcId),
          'ec2:Subnet': arnOf(cloud, 'subnet', subnet.id),
          'ec2:AvailabilityZone': zoneName(cloud, subnet.zone),
          'ec2:NetworkInterfaceID': id,
        }
      );
    },
    instance: (id) => ({ 'ec2:InstanceID': id }),
    endpoint(id) {
      const endpoint = cloud.endpoints.get(id);
      return endpoint && { 'ec2:VpceServiceName': endpoint.serviceName };
    },
  };

  return find;

  function find(member: string, value: string): AuthorizedResource | undefined {
    if (value.startsWith('arn:')) return byArn(value);
    if (member === 'DocumentName') return byArn(documentArn(cloud, value));
    // Systems Manager calls its documents so, and its parameters, whose names are paths here.
    if (member === 'Name')
      return byArn(
        `arn:aws:ssm:${cloud.region}:${cloud.account}:${value.startsWith('/') ? 'parameter' : 'document/'}${value}`,
      );
    if (member === 'Path' && value.startsWith('/'))
      return byArn(`arn:aws:ssm:${cloud.region}:${cloud.account}:parameter${value}`);
    if (member === 'QueueUrl') return byArn(`arn:aws:sqs:${cloud.region}:${cloud.account}:${value.split('/').at(-1)}`);
    if (member === 'logGroupName') return byArn(`arn:aws:logs:${cloud.region}:${cloud.account}:log-group:${value}`);
    if (member === 'StackName')
      return byArn(`arn:aws:cloudformation:${cloud.region}:${cloud.account}:stack/${value}/0`);
    if (member === 'AutoScalingGroupName') {
      const group = [...cloud.groups.values()].find(({ name }) => name === value);
      return group && byArn(group.arn);
    }
    const kind = kindOf(value);
    const instance = kind === 'interface' ? cloud.interfaces.get(value)?.attachment?.instanceId : undefined;
    return (
      kind && {
        arn: arnOf(cloud, kind, value),
        tags: cloud.tags.get(value) ?? none,
        keys: keys[kind]?.(value) ?? {},
        ...(instance !== undefined && { attachedTo: find('InstanceId', instance) }),
      }
    );
  }
}

const kinds = Object.keys(KINDS).filter((key): key is Kind => key in KINDS);

function kindOf(id: string): Kind | undefined {
  const prefix = /^([a-z-]+)-[0-9a-f]+$/.exec(id)?.[1];
  return kinds.find((kind) => KINDS[kind].prefix === prefix);
}
