import type { State } from '@aws-sdk/client-ec2';
import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import type { ByAttachment } from './attachment-members.ts';
import type { Attachment, Endpoint, EndpointService } from './records.ts';
import './attachment-members.ts';
import { ipv6BlockOf } from './cidr-blocks.ts';
import { describe } from './describe.ts';
import { refuseUnencrypted } from './encryption-controls.ts';
import { nodesOf, serviceNamed } from './endpoint-services.ts';
import { type Ec2, eachOf, find, noSuch } from './find.ts';
import { idempotency } from './idempotency.ts';
import { addInterface, removeInterface } from './interfaces.ts';
import { refuseOtherTags, tagList, tagsAtCreation } from './tags.ts';

/** A VPC has these quotas of endpoints: types that share one count together; of tunnels none is documented. https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-limits-endpoints.html */
const quotasOf = ({ endpointsPerVpc }: CloudContext) => [
  { types: ['Interface', 'GatewayLoadBalancer'], most: endpointsPerVpc },
  { types: ['Resource'], most: 200 },
  { types: ['ServiceNetwork'], most: 50 },
];

type Input = Parameters<NonNullable<Ec2['CreateVpcEndpoint']>>[0];

/** Gateway Load Balancer endpoints stand in subnets, and the provider of their service sees them as connections. */
export function endpoints(cloud: CloudContext) {
  const once = idempotency<Endpoint>(cloud, 'CreateVpcEndpoint');

  return {
    CreateVpcEndpoint(input, { principal }) {
      const endpoint = once(input, () => create(input, principal));
      return { VpcEndpoint: endpointShape(endpoint), ClientToken: input.ClientToken };
    },

    /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpcEndpoints.html: routes must be gone before. */
    DeleteVpcEndpoints({ VpcEndpointIds }) {
      return eachOf(VpcEndpointIds, (id) => {
        const endpoint = present(id);
        if (endpoint.state === 'deleting') return;
        const tables = [...cloud.routeTables.values()];
        if (tables.some(({ routes }) => routes.some(({ target }) => target.kind === 'endpoint' && target.id === id)))
          throw new AwsError('InvalidParameter', 'Endpoint must be removed from route table before deletion');
        remove(endpoint);
      });
    },

    DescribeVpcEndpoints({ VpcEndpointIds, ...query }) {
      const { page, ...next } = describe(cloud, cloud.endpoints, {
        kind: 'endpoint',
        ids: VpcEndpointIds,
        query,
        by: {
          'vpc-endpoint-id': ({ id }) => id,
          'vpc-id': ({ vpcId }) => vpcId,
          'service-name': ({ serviceName }) => serviceName,
          'service-region': () => cloud.region,
          'vpc-endpoint-state': ({ state }) => state,
          'vpc-endpoint-type': ({ type }) => type,
          'ip-address-type': ({ ipAddressType }) => ipAddressType,
        },
      });
      return { VpcEndpoints: page.map(endpointShape), ...next };
    },

    AcceptVpcEndpointConnections({ ServiceId, ...which }) {
      find(cloud.endpointServices, 'endpointService', ServiceId);
      const { VpcEndpointIds, TransitGatewayAttachmentIds } = which as ByAttachment;
      if (VpcEndpointIds && TransitGatewayAttachmentIds)
        throw new AwsError(
          'InvalidParameterCombination',
          'VpcEndpointId and TransitGatewayAttachmentId exclude each other',
        );
      if (TransitGatewayAttachmentIds)
        return eachOf(TransitGatewayAttachmentIds, (id) => connectGateway(ServiceId, id));
      if (!VpcEndpointIds)
        throw new AwsError('MissingParameter', 'The request must contain the parameter VpcEndpointId');
      return eachOf(VpcEndpointIds, (id) => {
        const endpoint = connected(ServiceId, id);
        // What AWS says to a second acceptance is not documented; this is its general code for a resource in the wrong state.
        if (endpoint.state !== 'pendingAcceptance')
          throw new AwsError(
            'InvalidState',
            `The vpcEndpoint '${id}' is in state ${endpoint.state}, not pendingAcceptance`,
          );
        connect(endpoint);
      });
    },

    RejectVpcEndpointConnections({ ServiceId, VpcEndpointIds }) {
      find(cloud.endpointServices, 'endpointService', ServiceId);
      return eachOf(VpcEndpointIds, (id) => {
        const endpoint = connected(ServiceId, id);
        if (!['pendingAcceptance', 'pending', 'available'].includes(endpoint.state))
          throw new AwsError('InvalidState', `The vpcEndpoint '${id}' is in state ${endpoint.state}`);
        cloud.cancel(endpoint.id);
        endpoint.state = 'rejected';
      });
    },

    /** A connection of a transit gateway's attachment has no endpoint id. */
    DescribeVpcEndpointConnections(query) {
      const connected = [...cloud.everywhere.endpoints].filter(
        ([, { type, serviceId }]) => type === 'GatewayLoadBalancer' && cloud.endpointServices.has(serviceId),
      );
      const { page, ...next } = describe(
        cloud,
        new Map<string, Endpoint | Attachment>([...connected, ...cloud.attachments]),
        {
          kind: 'endpoint',
          query,
          by: {
            'service-id': ({ serviceId }) => serviceId,
            'vpc-endpoint-id': (each) => ('type' in each ? each.id : undefined),
            'vpc-endpoint-owner': (each) => ('type' in each ? each.owner : undefined),
            'transit-gateway-attachment-id': (each) => ('type' in each ? undefined : each.id),
            'vpc-endpoint-region': () => cloud.region,
            'vpc-endpoint-state': ({ state }) => state,
            'ip-address-type': (each) => ('type' in each ? each.ipAddressType : undefined),
          },
        },
      );
      return {
        VpcEndpointConnections: page.map((each) => ({
          ServiceId: each.serviceId,
          VpcEndpointState: wireState(each.state),
          VpcEndpointConnectionId: each.connectionId,
          CreationTimestamp: new Date(each.createdAt),
          VpcEndpointRegion: cloud.region,
          Tags: [],
          ...(!('type' in each) && { TransitGatewayAttachmentId: each.id, TransitGatewayAttachmentOwner: each.owner }),
          ...('type' in each && {
            VpcEndpointId: each.id,
            VpcEndpointOwner: each.owner,
            GatewayLoadBalancerArns: loadBalancersOf(each),
            IpAddressType: each.ipAddressType,
          }),
        })),
        ...next,
      };
    },
  } satisfies Ec2;

  function connectGateway(serviceId: string | undefined, id: string): void {
    const attachment = cloud.attachments.get(id);
    if (attachment?.serviceId !== serviceId)
      throw new AwsError(
        'InvalidTransitGatewayAttachmentID.NotFound',
        `The transit gateway attachment '${id}' does not exist`,
      );
    if (attachment?.state !== 'pendingAcceptance')
      throw new AwsError(
        'InvalidState',
        `The attachment '${id}' is in state ${attachment?.state}, not pendingAcceptance`,
      );
    attachment.state = 'pending';
    cloud.next(id, cloud.delays.endpointAvailable, () => {
      attachment.state = 'available';
    });
  }

  function create(input: Input, principal: string): Endpoint {
    const { VpcId, ServiceName = '', SubnetIds = [], TagSpecifications, IpAddressType } = input;
    const { VpcEndpointType = 'Gateway' } = input;
    find(cloud.vpcs, 'vpc', VpcId);
    refuseOtherTags(['endpoint'], TagSpecifications);
    const tags = tagsAtCreation('endpoint', TagSpecifications);
    if (VpcEndpointType === 'Gateway' && SubnetIds.length)
      throw new AwsError(
        'InvalidParameter',
        'Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints',
      );
    const other = otherType(input);
    const service = other ? undefined : offered(input, principal);
    const type = other ?? 'GatewayLoadBalancer';
    const [subnetId, another] = SubnetIds;
    if (subnetId === undefined || another !== undefined)
      throw new AwsError(
        'InvalidParameter',
        service
          ? 'A GatewayLoadBalancer type VPC Endpoint needs exactly one subnet'
          : 'the cloud in a box gives every endpoint exactly one subnet',
      );
    const subnet = find(cloud.subnets, 'subnet', subnetId);
    if (subnet.vpcId !== VpcId)
      throw new AwsError('InvalidParameter', `The subnet ${subnetId} is not in the VPC ${VpcId}`);
    if (service) refuseUnencrypted(cloud, VpcId);
    const nodes = service?.zones.has(subnet.zone) ? nodesOf(cloud, service) : [];
    const node = nodes.find(({ zone }) => zone === subnet.zone);
    if (service && !node)
      throw new AwsError(
        'InvalidParameter',
        `The VPC endpoint service ${ServiceName} does not support the availability zone of the subnet: ${subnetId}.`,
      );
    if (IpAddressType === 'dualstack' && !(ipv6BlockOf(subnet) && service?.ipAddressTypes.includes('ipv6')))
      throw new AwsError(
        'InvalidParameter',
        `IpAddressType dualstack is not supported by ${ServiceName} in ${subnetId}`,
      );
    const twin = [...cloud.endpoints.values()].find(
      (each) =>
        each.serviceName === ServiceName &&
        each.vpcId === VpcId &&
        each.state !== 'deleted' &&
        zoneOf(each) === subnet.zone,
    );
    // With which code AWS would refuse it, nobody has reported.
    if (service && cloud.endpointPerZone && twin)
      throw new AwsError(
        'InvalidParameter',
        `The VPC already has an endpoint of ${ServiceName} in the Availability Zone of ${subnetId}: ${twin.id}`,
      );
    const { types = [], most = Number.POSITIVE_INFINITY } =
      quotasOf(cloud).find((quota) => quota.types.includes(type)) ?? {};
    const held = [...cloud.endpoints.values()].filter(
      (each) => each.vpcId === VpcId && each.state !== 'deleted' && types.includes(each.type),
    );
    if (held.length >= most)
      throw new AwsError('VpcEndpointLimitExceeded', `The maximum number of VPC endpoints (${most}) has been reached.`);

    const id = cloud.id('vpce');
    const { id: interfaceId } = addInterface(cloud, subnet, {
      type: service ? 'gateway_load_balancer_endpoint' : 'vpc_endpoint',
      description: `VPC Endpoint Interface ${id}`,
      // A load balancer's hands on packets that are for others.
      sourceDestCheck: service === undefined,
    });
    const endpoint: Endpoint = {
      id,
      owner: cloud.account,
      type,
      connectionId: cloud.id('vpce-con'),
      serviceId: service?.id ?? '',
      serviceName: ServiceName,
      vpcId: VpcId,
      subnetId,
      interfaceId,
      ipAddressType: IpAddressType === 'dualstack' ? 'dualstack' : 'ipv4',
      state: 'pendingAcceptance',
      createdAt: cloud.clock.now(),
      nodeId: node?.interfaceId ?? '',
    };
    cloud.endpoints.set(id, endpoint);
    cloud.tags.set(id, tags);
    if (service?.acceptanceRequired)
      cloud.next(endpoint.id, cloud.delays.endpointExpired, () => {
        endpoint.state = 'expired';
      });
    else connect(endpoint);
    return endpoint;
  }

  /** The type of endpoint that CreateVpcEndpoint asks for, if it is none of a service of load balancers. */
  function otherType({
    VpcEndpointType: type,
    ServiceName = '',
    ResourceConfigurationArn,
    ServiceNetworkArn,
  }: Input): Exclude<Endpoint['type'], 'GatewayLoadBalancer'> | undefined {
    if (type === 'Interface') return isOfAws(ServiceName) ? type : undefined;
    if ((type === 'Resource' || type === 'Tunnel') && ResourceConfigurationArn) return type;
    return type === 'ServiceNetwork' && ServiceNetworkArn ? type : undefined;
  }

  /** An endpoint service of a load balancer, if the input asks for one and for nothing that it cannot have. */
  function offered(input: Input, principal: string): EndpointService {
    const { ServiceName = '', VpcEndpointType = 'Gateway' } = input;
    const service = serviceNamed(cloud, ServiceName, principal);
    if (VpcEndpointType !== 'GatewayLoadBalancer')
      throw new AwsError(
        'InvalidParameter',
        `Endpoint type (${VpcEndpointType}) does not match available service types ([GatewayLoadBalancer]).`,
      );
    for (const other of [
      'PolicyDocument',
      'RouteTableIds',
      'SecurityGroupIds',
      'PrivateDnsEnabled',
      'DnsOptions',
    ] as const)
      if (input[other] !== undefined)
        throw new AwsError('InvalidParameter', `${other} is not supported for GatewayLoadBalancer type VPC Endpoints`);
    return service;
  }

  function zoneOf({ subnetId }: Endpoint): string | undefined {
    return cloud.subnets.get(subnetId)?.zone;
  }

  /** A service of AWS's own, such as Systems Manager. */
  function isOfAws(name: string): boolean {
    return name.startsWith(`com.amazonaws.${cloud.region}.`);
  }

  function connect(endpoint: Endpoint): void {
    endpoint.state = 'pending';
    cloud.next(endpoint.id, cloud.delays.endpointAvailable, () => {
      const refused = endpoint.type === 'GatewayLoadBalancer' && !forwards(endpoint);
      endpoint.state = refused ? 'failed' : 'available';
      // In which words AWS says so, nobody has reported.
      if (refused)
        endpoint.error = { code: 'InternalError', message: 'The load balancer of the service does not forward' };
    });
  }

  /** Its load balancer is active and has a listener: before that people saw endpoints fail. https://github.com/hashicorp/terraform-provider-aws/issues/20481 */
  function forwards({ nodeId }: Endpoint): boolean {
    const balancers = [...cloud.everywhere.loadBalancers.values()];
    const balancer = balancers.find(({ nodes }) => nodes.some(({ interfaceId }) => interfaceId === nodeId));
    const listeners = [...cloud.everywhere.listeners.values()];
    return balancer?.active === true && listeners.some(({ loadBalancerArn }) => loadBalancerArn === balancer.arn);
  }

  function remove(endpoint: Endpoint): void {
    cloud.cancel(endpoint.id);
    endpoint.state = 'deleting';
    cloud.after(cloud.delays.endpointDeleted, () => {
      endpoint.state = 'deleted';
      removeInterface(cloud, endpoint.interfaceId);
      cloud.after(cloud.delays.endpointForgotten, () => {
        cloud.endpoints.delete(endpoint.id);
        cloud.tags.delete(endpoint.id);
      });
    });
  }

  /** @throws AwsError if there is no such endpoint, or no longer */
  function present(id: string, records: ReadonlyMap<string, Endpoint> = cloud.endpoints): Endpoint {
    const endpoint = find(records, 'endpoint', id);
    if (endpoint.state === 'deleted') throw noSuch('endpoint', id);
    return endpoint;
  }

  /** A service's owner knows endpoints of other accounts too. */
  function connected(serviceId: string, id: string): Endpoint {
    const endpoint = present(id, cloud.everywhere.endpoints);
    if (endpoint.serviceId !== serviceId) throw noSuch('endpoint', id);
    return endpoint;
  }

  function endpointShape(endpoint: Endpoint) {
    return {
      VpcEndpointId: endpoint.id,
      VpcEndpointType: endpoint.type,
      VpcId: endpoint.vpcId,
      ...(endpoint.serviceName && { ServiceName: endpoint.serviceName }),
      State: wireState(endpoint.state),
      SubnetIds: [endpoint.subnetId],
      NetworkInterfaceIds: endpoint.state === 'deleted' ? [] : [endpoint.interfaceId],
      IpAddressType: endpoint.ipAddressType,
      RequesterManaged: false,
      CreationTimestamp: new Date(endpoint.createdAt),
      OwnerId: endpoint.owner,
      ...(endpoint.error && { LastError: { Code: endpoint.error.code, Message: endpoint.error.message } }),
      RouteTableIds: [],
      Groups: [],
      DnsEntries: [],
      Tags: tagList(cloud, endpoint.id),
    };
  }

  function loadBalancersOf({ nodeId }: Endpoint): string[] {
    return [...cloud.loadBalancers.values()]
      .filter(({ nodes }) => nodes.some(({ interfaceId }) => interfaceId === nodeId))
      .map(({ arn }) => arn);
  }
}

/** The SDK's type has `PendingAcceptance` for what EC2 sends as `pendingAcceptance`. */
const wireState = (state: string): State => state as State;
