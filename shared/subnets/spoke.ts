import {
  DescribeVpcEndpointServicesCommand,
  type EC2Client,
  type ServiceDetail,
  type Subnet,
} from '@aws-sdk/client-ec2';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { code } from '../aws/errors.ts';
import type { Blind } from '../conditions/subnets.ts';
import type { SpokeConfig } from '../config.ts';
import type { Notary } from '../seal.ts';
import { readClaims } from './claims.ts';
import { type Health, healthAnswer } from './health.ts';
import { lookAtClients } from './observe.ts';
import { claimsAmong, missingFrom, type Provider, readWorlds } from './read.ts';
import type { Hub, SubnetsLook } from './world.ts';

export interface SpokeClients {
  ec2: EC2Client;
  ssm: SSMClient;
  lambda: LambdaClient;
}

/** The hub's answer counts for so long: its routers are checked within seconds, and its function is asked in each look. */
const KNOWN_MS = 300_000;

/**
 * Looks at the VPCs of an account that has no load balancer: the endpoint service is the hub's, and of the routers it knows what
 * the hub's function tells. One that does not answer leaves what it told before, as long as that is not old.
 */
export function observeSpoke({ ec2, ssm, lambda }: SpokeClients, config: SpokeConfig) {
  let told: Health | undefined;

  return async (seal: Notary, now: number, deletionAttempted?: string): Promise<SubnetsLook> => {
    const [answers, claims, service, { health, problem }] = await Promise.all([
      lookAtClients(ec2, config.clientVpcs, deletionAttempted),
      readClaims(ssm, config),
      describeService(ec2, config.hubService),
      ask(lambda, config),
    ]);
    const clients = { ...answers, claims };
    if (health) told = health;
    const known = told && Math.abs(now - told.at) <= KNOWN_MS ? told : undefined;
    const why: Blind = problem ?? { code: 'clock' };
    const blind = known ? undefined : { ...why, toldAt: told?.at };
    const { provider, hub } = hubOf(config, service, known, blind, clients.subnets);
    const isOwn = (service?.Owner ?? config.hubHealth.split(':')[4]) === config.account;
    const refused = isOwn ? ({ code: 'spoke-of-itself', account: config.account } as const) : undefined;
    return {
      now,
      // Two stacks would write the same tags.
      vpcs: refused === undefined ? readWorlds(clients, provider, config, seal, { now, deletionAttempted }) : [],
      missing: missingFrom(clients, config),
      claims: claimsAmong(clients),
      spokes: [],
      attachments: [],
      hub,
      refused,
    };
  };
}

/** The hub, as an account sees it that is yet to have a spoke. */
export async function lookAtHub(
  { ec2, lambda }: SpokeClients,
  config: Pick<SpokeConfig, 'hubService' | 'hubHealth'>,
): Promise<Hub> {
  const [service, { health, problem }] = await Promise.all([
    describeService(ec2, config.hubService),
    ask(lambda, config),
  ]);
  return hubOf(config, service, health, problem, []).hub;
}

/** Undefined if it is not there for this account: EC2 shows no more. */
async function describeService(ec2: EC2Client, name: string): Promise<ServiceDetail | undefined> {
  try {
    const { ServiceDetails } = await ec2.send(new DescribeVpcEndpointServicesCommand({ ServiceNames: [name] }));
    return ServiceDetails?.[0];
  } catch (error) {
    if (code(error) === 'InvalidServiceName') return undefined;
    throw error;
  }
}

async function ask(
  lambda: LambdaClient,
  { hubService, hubHealth }: Pick<SpokeConfig, 'hubService' | 'hubHealth'>,
): Promise<{ health?: Health; problem?: Blind }> {
  try {
    const { Payload, FunctionError } = await lambda.send(new InvokeCommand({ FunctionName: hubHealth }));
    if (FunctionError) return { problem: { code: 'failed', health: hubHealth } };
    const health = healthAnswer.parse(JSON.parse(new TextDecoder().decode(Payload)));
    // Routers of another hub say nothing of where endpoints lead.
    if (health.serviceId !== undefined && !hubService.endsWith(`.${health.serviceId}`))
      return { problem: { code: 'another', health: hubHealth, serviceId: health.serviceId } };
    return { health };
  } catch (error) {
    return { problem: { code: 'silent', health: hubHealth, error: code(error) } };
  }
}

/** Zones by their names in this account: by ids they are known across accounts. A zone in which it has no subnet needs no name. */
function hubOf(
  { hubService, hubHealth }: Pick<SpokeConfig, 'hubService' | 'hubHealth'>,
  service: ServiceDetail | undefined,
  known: Health | undefined,
  blind: Blind | undefined,
  subnets: Subnet[],
): { provider: Provider; hub: Hub } {
  const names = new Map(
    subnets.map(({ AvailabilityZoneId, AvailabilityZone }) => [AvailabilityZoneId, AvailabilityZone]),
  );
  const nameOf = (id: string) => names.get(id) ?? id;
  const zoneIds = service?.AvailabilityZoneIds ?? [];
  const zones = zoneIds.length > 0 ? zoneIds.map(nameOf) : (service?.AvailabilityZones ?? []);
  const owner = service?.Owner ?? hubHealth.split(':')[4] ?? '';
  const visible = service !== undefined;
  const provider = {
    service: {
      name: hubService,
      owner,
      visible,
      zones,
      zoneIds,
      ipv6: service?.SupportedIpAddressTypes?.includes('ipv6') ?? false,
      ours: false,
    },
    blind,
    dnsRanges: known?.dnsRanges ?? false,
    routers: [],
    targets: Object.entries(known?.zones ?? {}).flatMap(([id, count]) =>
      count > 0 ? [{ state: 'healthy', zone: nameOf(id) }] : [],
    ),
    nodeZones: zones,
    // The hub counts for each zone those that it reaches.
    crossZone: false,
    connections: [],
  };
  const told = zoneIds.length > 0 ? zoneIds : Object.keys(known?.zones ?? {});
  const hub = {
    ...{ account: owner, service: hubService, visible, toldAt: known?.at, blind },
    zones: told.map((id) => ({ id, name: nameOf(id), ...(known && { routers: known.zones[id] ?? 0 }) })),
  };
  return { provider, hub };
}
