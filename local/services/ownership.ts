import { accountOf } from '../wire/api.ts';
import type { CloudState } from './state.ts';

/**
 * An account has its part of a state, and what is shared with it. What stands in a VPC is its owner's; a VPC may be shared, and its
 * participants describe it, its subnets and its route tables: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html.
 * Here they see all that stands in it. A transit gateway may be shared too: its tables stay its owner's, an attachment is the VPC's and
 * the gateway's owner's to describe. Endpoints and endpoint services are their makers'. What is made is made in the whole.
 * @param alone true while the region has no other account: then all is its own
 */
export function ownState(all: CloudState, account: string, alone: () => boolean): CloudState {
  const inVpc = (vpcId = '') => {
    const vpc = all.vpcs.get(vpcId);
    return !vpc || vpc.owner === account || vpc.participants.includes(account);
  };
  const inSubnet = (subnetId = '') => inVpc(all.subnets.get(subnetId)?.vpcId);
  const inInstance = (id: string) => {
    const [first = ''] = all.instances.get(id)?.interfaceIds ?? [];
    return inSubnet(all.interfaces.get(first)?.subnetId);
  };
  const isOwn = ({ owner }: { owner: string }) => owner === account;
  const ofGateway = (id: string) => all.transitGateways.get(id)?.owner === account;
  const sharesGateway = (id: string) => all.transitGateways.get(id)?.participants.includes(account) ?? false;
  const own = <T>(records: Map<string, T>, test: (record: T) => boolean): Map<string, T> =>
    new Own(records, test, alone);
  return {
    ...all,
    vpcs: own(all.vpcs, ({ id }) => inVpc(id)),
    subnets: own(all.subnets, ({ vpcId }) => inVpc(vpcId)),
    routeTables: own(all.routeTables, ({ vpcId }) => inVpc(vpcId)),
    internetGateways: own(all.internetGateways, ({ vpcId }) => vpcId === undefined || inVpc(vpcId)),
    natGateways: own(all.natGateways, ({ vpcId }) => inVpc(vpcId)),
    interfaces: own(all.interfaces, ({ subnetId }) => inSubnet(subnetId)),
    instances: own(all.instances, ({ id }) => inInstance(id)),
    replaceRootVolumeTasks: own(all.replaceRootVolumeTasks, ({ instanceId }) => inInstance(instanceId)),
    launchTemplates: own(all.launchTemplates, isOwn),
    endpointServices: own(all.endpointServices, isOwn),
    endpoints: own(all.endpoints, isOwn),
    transitGateways: own(all.transitGateways, ({ id }) => ofGateway(id) || sharesGateway(id)),
    transitGatewayTables: own(all.transitGatewayTables, ({ gatewayId }) => ofGateway(gatewayId)),
    vpcAttachments: own(all.vpcAttachments, ({ owner, gatewayId }) => owner === account || ofGateway(gatewayId)),
    loadBalancers: own(all.loadBalancers, ({ vpcId }) => inVpc(vpcId)),
    targetGroups: own(all.targetGroups, ({ vpcId }) => inVpc(vpcId)),
    groups: own(all.groups, ({ arn }) => accountOf(arn) === account),
    agents: own(all.agents, ({ instanceId }) => inInstance(instanceId)),
    documents: own(all.documents, ({ owner }) => owner === account || owner === 'Amazon'),
    commands: own(all.commands, isOwn),
  };
}

/** The records of a map that pass a test; what is written is written there. */
class Own<T> extends Map<string, T> {
  readonly #all: Map<string, T>;
  readonly #test: (record: T) => boolean;
  readonly #alone: () => boolean;

  constructor(all: Map<string, T>, test: (record: T) => boolean, alone: () => boolean) {
    super();
    this.#all = all;
    this.#test = test;
    this.#alone = alone;
  }

  override get(id: string): T | undefined {
    const record = this.#all.get(id);
    return record !== undefined && (this.#alone() || this.#test(record)) ? record : undefined;
  }

  override has(id: string): boolean {
    return this.get(id) !== undefined;
  }

  override set(id: string, record: T): this {
    this.#all.set(id, record);
    return this;
  }

  override delete(id: string): boolean {
    return this.has(id) && this.#all.delete(id);
  }

  override get size(): number {
    return this.#entries().size;
  }

  override entries(): MapIterator<[string, T]> {
    return this.#entries().entries();
  }

  override keys(): MapIterator<string> {
    return this.#entries().keys();
  }

  override values(): MapIterator<T> {
    return this.#entries().values();
  }

  override [Symbol.iterator](): MapIterator<[string, T]> {
    return this.entries();
  }

  override forEach(each: (record: T, id: string, map: Map<string, T>) => void): void {
    for (const [id, record] of this.entries()) each(record, id, this);
  }

  #entries(): Map<string, T> {
    return this.#alone() ? this.#all : new Map([...this.#all].filter(([, record]) => this.#test(record)));
  }
}
