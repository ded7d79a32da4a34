import type { CreateRouteCommandInput, Route } from '@aws-sdk/client-ec2';

/** The member of CreateRoute and ReplaceRoute that names what a route leads to. */
type Target = Omit<
  CreateRouteCommandInput,
  'RouteTableId' | 'DestinationCidrBlock' | 'DestinationIpv6CidrBlock' | 'DestinationPrefixListId' | 'DryRun'
>;

const MEMBERS: [ids: RegExp, member: keyof Target][] = [
  [/^vpce-/, 'VpcEndpointId'],
  [/^nat-/, 'NatGatewayId'],
  [/^tgw-/, 'TransitGatewayId'],
  [/^pcx-/, 'VpcPeeringConnectionId'],
  [/^eni-/, 'NetworkInterfaceId'],
  [/^i-/, 'InstanceId'],
  [/^eigw-/, 'EgressOnlyInternetGatewayId'],
  [/^lgw-/, 'LocalGatewayId'],
  [/^cagw-/, 'CarrierGatewayId'],
  [/^arn:[^:]+:odb:/, 'OdbNetworkArn'],
  [/^arn:/, 'CoreNetworkArn'],
];

/** CreateRoute and ReplaceRoute name what has this id so. Internet and virtual private gateways share a member. */
export function routeTo(id: string): Target {
  const [, member] = MEMBERS.find(([ids]) => ids.test(id)) ?? [/./, 'GatewayId' as const];
  return { [member]: id };
}

/** A route leads to what AWS has a member for that is not known here: no other route can be led there. */
export const UNKNOWN_TARGET = 'an unknown target';

/** The id of what a route leads to. It stands in the one member that fits; an endpoint's stands in `GatewayId`. */
export function targetOf(route: Route): string {
  return (
    route.GatewayId ??
    route.NatGatewayId ??
    route.NetworkInterfaceId ??
    route.TransitGatewayId ??
    route.VpcPeeringConnectionId ??
    route.EgressOnlyInternetGatewayId ??
    route.LocalGatewayId ??
    route.CarrierGatewayId ??
    route.CoreNetworkArn ??
    route.OdbNetworkArn ??
    route.InstanceId ??
    // Of what a VPC's route server advertises: AWS's name for its next hop is the address alone.
    route.IpAddress ??
    UNKNOWN_TARGET
  );
}
