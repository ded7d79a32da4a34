import type { CreateRouteCommandInput, Route } from '@aws-sdk/client-ec2';

/** The member of CreateRoute and ReplaceRoute that names what a route leads to. */
type Target = Omit<
  CreateRouteCommandInput,
  'RouteTableId' | 'DestinationCidrBlock' | 'DestinationIpv6CidrBlock' | 'DestinationPrefixListId' | 'DryRun'
>;

/** The members, by the ids that stand in them. Internet and virtual private gateways share one. */
const MEMBERS = {
  VpcEndpointId: /^vpce-/,
  NatGatewayId: /^nat-/,
  // Before the instance: its route has both.
  NetworkInterfaceId: /^eni-/,
  TransitGatewayId: /^tgw-/,
  VpcPeeringConnectionId: /^pcx-/,
  EgressOnlyInternetGatewayId: /^eigw-/,
  LocalGatewayId: /^lgw-/,
  CarrierGatewayId: /^cagw-/,
  OdbNetworkArn: /^arn:[^:]+:odb:/,
  CoreNetworkArn: /^arn:/,
  InstanceId: /^i-/,
  GatewayId: /^/,
} satisfies Record<string, RegExp>;
const NAMES = Object.keys(MEMBERS) as (keyof typeof MEMBERS & keyof Route)[];

/** CreateRoute and ReplaceRoute name what has this id so. */
export function routeTo(id: string): Target {
  const [member] = Object.entries(MEMBERS).find(([, ids]) => ids.test(id)) ?? ['GatewayId'];
  return { [member]: id };
}

/** A route leads to what AWS has a member for that is not known here: no other route can be led there. */
export const UNKNOWN_TARGET = 'an unknown target';

/** The id of what a route leads to. It stands in the one member that fits; an endpoint's stands in `GatewayId`. */
export function targetOf(route: Route): string {
  // Most routes: that of each VPC block, those to gateways and to endpoints.
  if (route.GatewayId !== undefined) return route.GatewayId;
  const member = NAMES.find((name) => route[name] !== undefined);
  // Of what a VPC's route server advertises: AWS's name for its next hop is the address alone.
  return (member && route[member]) ?? route.IpAddress ?? UNKNOWN_TARGET;
}
