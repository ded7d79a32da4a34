import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { paginate } from '../paginate.ts';
import { zoneId, zoneName } from '../zones.ts';
import { describe } from './describe.ts';
import { type Ec2, eachOf, find } from './find.ts';
import { idempotency } from './idempotency.ts';
import type { EndpointService } from './records.ts';
import { refuseOtherTags, tagList, tagsAtCreation } from './tags.ts';

/** PrivateLink offers Gateway Load Balancers as endpoint services, and knows who may use them: the provider's side. */
export function endpointServices(cloud: CloudContext) {
  const once = idempotency<EndpointService>(cloud, 'CreateVpcEndpointServiceConfiguration');

  return {
    CreateVpcEndpointServiceConfiguration(input) {
      const {
        GatewayLoadBalancerArns = [],
        NetworkLoadBalancerArns,
        SupportedIpAddressTypes = ['ipv4'],
        AcceptanceRequired = true,
        TagSpecifications,
      } = input;
      const service = once(input, () => {
        if (NetworkLoadBalancerArns?.length || !GatewayLoadBalancerArns.length)
          throw new AwsError(
            'InvalidParameter',
            'an endpoint service of the cloud in a box needs GatewayLoadBalancerArns',
          );
        for (const arn of GatewayLoadBalancerArns)
          if (!cloud.loadBalancers.has(arn))
            throw new AwsError('InvalidParameter', `The load balancer '${arn}' does not exist`);
        refuseOtherTags(['endpointService'], TagSpecifications);
        const tags = tagsAtCreation('endpointService', TagSpecifications);
        const id = cloud.id('vpce-svc');
        const created: EndpointService = {
          id,
          owner: cloud.account,
          name: `com.amazonaws.vpce.${cloud.region}.${id}`,
          acceptanceRequired: AcceptanceRequired,
          ipAddressTypes: SupportedIpAddressTypes.map(ipAddressType),
          loadBalancerArns: [...GatewayLoadBalancerArns],
          zones: new Set(),
          allowedPrincipals: new Set(),
        };
        for (const { zone } of nodesOf(cloud, created)) created.zones.add(zone);
        cloud.endpointServices.set(id, created);
        cloud.tags.set(id, tags);
        return created;
      });
      return { ServiceConfiguration: configurationShape(service), ClientToken: input.ClientToken };
    },

    DeleteVpcEndpointServiceConfigurations({ ServiceIds }) {
      return eachOf(ServiceIds, (id) => {
        find(cloud.endpointServices, 'endpointService', id);
        const connections = [...cloud.everywhere.endpoints.values(), ...cloud.attachments.values()];
        if (connections.some(({ serviceId, state }) => serviceId === id && isConnected(state)))
          throw new AwsError(
            'ExistingVpcEndpointConnections',
            `Service ${id} has existing active VPC Endpoint connections.`,
          );
        cloud.endpointServices.delete(id);
        cloud.tags.delete(id);
      });
    },

    /**
     * A zone that a load balancer got later is the service's from the first such call on that comes when the zone is ready, "a few minutes" after.
     * https://docs.aws.amazon.com/vpc/latest/privatelink/configure-endpoint-service.html
     */
    ModifyVpcEndpointServiceConfiguration({ ServiceId, AcceptanceRequired, ...others }) {
      const service = find(cloud.endpointServices, 'endpointService', ServiceId);
      const [other] = Object.entries(others).filter(([, value]) => value !== undefined);
      if (other) throw new AwsError('InvalidParameter', `the cloud in a box changes no ${other[0]} of a service`);
      service.acceptanceRequired = AcceptanceRequired ?? service.acceptanceRequired;
      for (const { zone, readyAt } of nodesOf(cloud, service))
        if (readyAt <= cloud.clock.now()) service.zones.add(zone);
      return { Return: true };
    },

    /** https://docs.aws.amazon.com/vpc/latest/privatelink/configure-endpoint-service.html: no one may connect until allowed, and ARNs with a path do not count. */
    ModifyVpcEndpointServicePermissions({ ServiceId, AddAllowedPrincipals = [], RemoveAllowedPrincipals = [] }) {
      const service = find(cloud.endpointServices, 'endpointService', ServiceId);
      for (const principal of AddAllowedPrincipals)
        if (principal !== '*' && !/^arn:aws:iam::\d{12}:(root|(role|user)\/[^/]+)$/.test(principal))
          throw new AwsError('InvalidPrincipal', `Invalid Principal: '${principal}'`);
      for (const principal of AddAllowedPrincipals) service.allowedPrincipals.add(principal);
      for (const principal of RemoveAllowedPrincipals) service.allowedPrincipals.delete(principal);
      return { ReturnValue: true };
    },

    DescribeVpcEndpointServicePermissions({ ServiceId, MaxResults, NextToken }) {
      const { allowedPrincipals } = find(cloud.endpointServices, 'endpointService', ServiceId);
      const { page, ...next } = paginate(
        [...allowedPrincipals],
        { MaxResults, NextToken },
        { least: 5, greatest: 1000 },
      );
      return { AllowedPrincipals: page.map((Principal) => ({ Principal, ServiceId })), ...next };
    },

    DescribeVpcEndpointServiceConfigurations({ ServiceIds, ...query }) {
      const { page, ...next } = describe(cloud, cloud.endpointServices, {
        kind: 'endpointService',
        ids: ServiceIds,
        query,
        by: { 'service-id': ({ id }) => id, 'service-name': ({ name }) => name, 'service-state': () => 'Available' },
      });
      return { ServiceConfigurations: page.map(configurationShape), ...next };
    },

    /**
     * The consumer's view: only services that the caller may use, whosever they are, with the zones that both accounts have.
     * One name that is not there for the caller fails the call: https://github.com/cloud-custodian/cloud-custodian/issues/10741
     */
    DescribeVpcEndpointServices({ ServiceNames, ...query }, { principal }) {
      const all = [...cloud.everywhere.endpointServices];
      const visible = new Map(all.filter(([, service]) => isAllowed(service, principal)));
      const ids = ServiceNames?.map((name) => serviceNamed(cloud, name, principal).id);
      const { page, ...next } = describe(cloud, visible, {
        kind: 'endpointService',
        ids,
        query,
        by: {
          'service-name': ({ name }) => name,
          'service-type': () => 'GatewayLoadBalancer',
          'service-region': () => cloud.region,
          owner: ({ owner }) => owner,
        },
      });
      return {
        ServiceNames: page.map(({ name }) => name),
        ServiceDetails: page.map((service) => ({
          ...commonShape(service),
          Owner: service.owner,
          VpcEndpointPolicySupported: false,
        })),
        ...next,
      };
    },
  } satisfies Ec2;

  function configurationShape(service: EndpointService) {
    return {
      ...commonShape(service),
      ServiceState: 'Available' as const,
      GatewayLoadBalancerArns: service.loadBalancerArns,
      NetworkLoadBalancerArns: [],
    };
  }

  function commonShape(service: EndpointService) {
    return {
      ServiceId: service.id,
      ServiceName: service.name,
      ServiceType: [{ ServiceType: 'GatewayLoadBalancer' as const }],
      AvailabilityZones: [...service.zones].map((zone) => zoneName(cloud, zone)),
      AvailabilityZoneIds: [...service.zones].map((zone) => zoneId(cloud, zone) ?? ''),
      AcceptanceRequired: service.acceptanceRequired,
      ManagesVpcEndpoints: false,
      SupportedIpAddressTypes: service.ipAddressTypes,
      // "Tags that you apply to a shared or public resource are visible only to your account."
      // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html
      Tags: service.owner === cloud.account ? tagList(cloud, service.id) : [],
    };
  }
}

function ipAddressType(text: string): 'ipv4' | 'ipv6' {
  if (text === 'ipv4' || text === 'ipv6') return text;
  throw new AwsError('InvalidParameter', `'${text}' is not a supported IP address type`);
}

/** Nodes of the service's load balancers, in the order in which an endpoint of their zone takes the first. */
export function nodesOf(cloud: CloudContext, { loadBalancerArns }: EndpointService) {
  return loadBalancerArns.flatMap((arn) => cloud.everywhere.loadBalancers.get(arn)?.nodes ?? []);
}

/** @throws AwsError `InvalidServiceName`, also for a service that `principal` may not use: its existence is not shown */
export function serviceNamed(cloud: CloudContext, name: string, principal: string): EndpointService {
  const service = [...cloud.everywhere.endpointServices.values()].find((each) => each.name === name);
  if (!service || !isAllowed(service, principal))
    throw new AwsError('InvalidServiceName', `The Vpc Endpoint Service '${name}' does not exist`);
  return service;
}

/** `…:root` stands for everyone in the account; a session of an assumed role counts as the role. */
function isAllowed({ allowedPrincipals }: EndpointService, principal: string): boolean {
  const account = principal.split(':')[4];
  const role = /^arn:aws:sts::(\d{12}):assumed-role\/([^/]+)\//.exec(principal);
  const identity = role ? `arn:aws:iam::${role[1]}:role/${role[2]}` : principal;
  return ['*', `arn:aws:iam::${account}:root`, identity].some((each) => allowedPrincipals.has(each));
}

const isConnected = (state: string) => ['pendingAcceptance', 'pending', 'available', 'deleting'].includes(state);
