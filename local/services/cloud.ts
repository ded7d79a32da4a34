import { createHash } from 'node:crypto';
import * as autoScalingSdk from '@aws-sdk/client-auto-scaling';
import * as ec2Sdk from '@aws-sdk/client-ec2';
import * as elbSdk from '@aws-sdk/client-elastic-load-balancing-v2';
import * as ssmSdk from '@aws-sdk/client-ssm';
import type { Clock } from '../clock.ts';
import type { Fabric, Network } from '../fabric/fabric.ts';
import { uuid } from '../ids.ts';
import { accountOf, type Call } from '../wire/api.ts';
import { AwsError } from '../wire/errors.ts';
import type { OperationService } from '../wire/wire.ts';
import { capacity } from './autoscaling/capacity.ts';
import { autoScaling } from './autoscaling/groups.ts';
import { autoScalingRecords } from './autoscaling/records.ts';
import type { CloudContext } from './context.ts';
import { networkOf } from './data-plane.ts';
import { AWS_DELAYS, type Delays } from './delays.ts';
import { cidrBlocks } from './ec2/cidr-blocks.ts';
import { encryptionControls } from './ec2/encryption-controls.ts';
import { endpointServices } from './ec2/endpoint-services.ts';
import { endpoints } from './ec2/endpoints.ts';
import { gateways } from './ec2/gateways.ts';
import { instanceStatus } from './ec2/instance-status.ts';
import { instances } from './ec2/instances.ts';
import { interfaces } from './ec2/interfaces.ts';
import { launchTemplates } from './ec2/launch-templates.ts';
import { prefixLists } from './ec2/prefix-lists.ts';
import { ec2Records } from './ec2/records.ts';
import { regions } from './ec2/regions.ts';
import { rootVolumes } from './ec2/root-volumes.ts';
import { routeTables } from './ec2/route-tables.ts';
import { advertise, routes } from './ec2/routes.ts';
import { securityGroups } from './ec2/security-groups.ts';
import { tags } from './ec2/tags.ts';
import { transitGateways } from './ec2/transit-gateways.ts';
import { vpcs } from './ec2/vpcs.ts';
import { targetHealth } from './elbv2/health.ts';
import { loadBalancers } from './elbv2/load-balancers.ts';
import { elbv2Records } from './elbv2/records.ts';
import { elbTags } from './elbv2/tags.ts';
import { targetGroups } from './elbv2/targets.ts';
import { ownState } from './ownership.ts';
import { READ_ONLY } from './read-only.ts';
import { agents } from './ssm/agents.ts';
import { commands } from './ssm/commands.ts';
import { documents } from './ssm/documents.ts';
import { parameters } from './ssm/parameters.ts';
import { ssmRecords } from './ssm/records.ts';
import type { CloudState } from './state.ts';
import { syncer } from './sync.ts';
import { zonesOf } from './zones.ts';

/** EventBridge delivers events of this form. */
export interface CloudEvent {
  version: '0';
  id: string;
  'detail-type': string;
  source: string;
  account: string;
  /** Seconds precision, ISO 8601. */
  time: string;
  region: string;
  resources: string[];
  detail: Record<string, unknown>;
}

export interface CloudOptions {
  clock: Clock;
  fabric: Fabric;
  region: string;
  /** Twelve digits. Another one is there from its first call on: whoever asks is of the account that its ARN names. */
  account: string;
  /** A quota of the account, if it is not AWS's 50. */
  endpointsPerVpc?: number;
  /** Ids of the images that there are; any, if not given. */
  images?: readonly string[];
  emit(event: CloudEvent): void;
  /** Milliseconds of the cloud's time; the rest are AWS's. */
  delays?: Partial<Delays>;
  /**
   * True if EC2 takes one endpoint of a service and VPC in each zone, as AWS's guide says in one sentence and public stacks do not:
   * https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-load-balancer-endpoints.html
   */
  endpointPerZone?: boolean;
  /** Gets the errors of the fabric, and of rules outside a request. They are thrown if it is not given. */
  onError?(error: unknown): void;
}

export interface Cloud {
  /** The services by their signing names, for `createWire`. */
  services: Record<keyof typeof READ_ONLY, OperationService>;
  /** An account's part of it, and what its rules need. */
  contextOf(account: string): CloudContext;
  /** Resource Access Manager shares a VPC with another account: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html */
  share(vpcId: string, account: string): void;
  /** The same of a transit gateway. https://docs.aws.amazon.com/vpc/latest/tgw/transit-gateway-share.html */
  shareGateway(gatewayId: string, account: string): void;
  /** A transit gateway connects to an endpoint service, as no call of the SDK does yet. Returns the connection's id. */
  attach(serviceId: string, owner?: string): string;
  /** Everything that is so in it now. */
  state: CloudState;
  /** The data plane as it is to be now. */
  network(): Network;
  /** A peer of a VPC's route server advertises this route into a route table. */
  advertise(tableId: string, cidr: string, nextHop: string): void;
  /** An instance's agent is heard no more; all else goes on as if it were up. */
  crash(instanceId: string): void;
  /** Resolves when the fabric has been given the network as it is now. */
  idle(): Promise<void>;
  /** Stops everything the cloud has under way. The fabric is left to its owner. */
  close(): Promise<void>;
}

export function createCloud(options: CloudOptions): Cloud {
  const { clock, fabric, region, account, onError = rethrow } = options;
  const syncing = syncer(fabric, () => networkOf(base), onError);
  const timers = new Map<string, () => void>();
  const counters = new Map<string, number>();
  const state: CloudState = {
    tags: new Map(),
    ...ec2Records(),
    ...elbv2Records(),
    ...ssmRecords(),
    ...autoScalingRecords(),
  };
  let closed = false;

  const base: CloudContext = {
    clock,
    fabric,
    region,
    account,
    zones: zonesOf(region, account, account),
    everywhere: state,
    endpointsPerVpc: options.endpointsPerVpc ?? 50,
    images: options.images,
    delays: { ...AWS_DELAYS, ...options.delays },
    endpointPerZone: options.endpointPerZone ?? false,
    id: (prefix) => `${prefix}-0${createHash('sha256').update(count(prefix)).digest('hex').slice(0, 16)}`,
    uuid: () => uuid(count('uuid')),
    after: (ms, task) => base.next(count('timer'), ms, task),
    next(key, ms, task) {
      base.cancel(key);
      if (closed) return;
      const stop = clock.after(ms, () => {
        timers.delete(key);
        guarded(task);
        changed();
      });
      timers.set(key, stop);
    },
    cancel(key) {
      timers.get(key)?.();
      timers.delete(key);
    },
    run: (work) => void work.catch(onError),
    changed,
    emit: ({ source, type, resources, detail }) => emit(account, source, type, resources, detail),
    ...state,
  };
  const others = new Map<string, ReturnType<typeof operationsOf>>();
  const alone = () => others.size === 0;
  const first = operationsOf({ ...base, ...ownState(state, account, alone) });

  return {
    services: {
      ec2: service('ec2Query', ec2Sdk, 'ec2'),
      elasticloadbalancing: service('awsQuery', elbSdk, 'elasticloadbalancing'),
      ssm: service('awsJson1_1', ssmSdk, 'ssm'),
      autoscaling: service('awsQuery', autoScalingSdk, 'autoscaling'),
    },
    contextOf: (id) => operationsIn(id).context,
    share(vpcId, participant) {
      state.vpcs.get(vpcId)?.participants.push(participant);
    },
    shareGateway(gatewayId, participant) {
      state.transitGateways.get(gatewayId)?.participants.push(participant);
    },
    attach(serviceId, owner = account) {
      const connectionId = base.id('vpce-con');
      const id = base.id('tgw-attach');
      const createdAt = clock.now();
      state.attachments.set(id, { id, owner, connectionId, serviceId, state: 'pendingAcceptance', createdAt });
      return connectionId;
    },
    state,
    network: () => networkOf(base),
    advertise(...route) {
      advertise(base, ...route);
      changed();
    },
    crash(instanceId) {
      for (const { crash } of [first, ...others.values()]) crash(instanceId);
    },
    idle: syncing.idle,
    close() {
      closed = true;
      for (const key of [...timers.keys()]) base.cancel(key);
      return syncing.idle();
    },
  };

  /** Everything that one account can ask for, of what it has. */
  function operationsOf(cloud: CloudContext) {
    const managed = agents(cloud);
    const known = documents(cloud);
    const machines = instances(cloud, (instance) => {
      managed.follow(instance);
      scaling.follow(instance);
    });
    const roots = rootVolumes(cloud, managed.restart);
    const scaling = capacity(cloud, machines);
    const ec2 = {
      ...regions(cloud),
      ...vpcs(cloud),
      ...cidrBlocks(cloud),
      ...encryptionControls(cloud),
      ...routeTables(cloud),
      ...routes(cloud),
      ...prefixLists(cloud),
      ...gateways(cloud),
      ...transitGateways(cloud),
      ...interfaces(cloud),
      ...securityGroups(cloud),
      ...machines,
      ...instanceStatus(cloud),
      ...roots.operations,
      ...launchTemplates(cloud),
      ...endpointServices(cloud),
      ...endpoints(cloud),
      ...tags(cloud),
    };
    const elb = { ...loadBalancers(cloud), ...targetGroups(cloud, targetHealth(cloud)), ...elbTags(cloud) };
    const ssm = { ...known.operations, ...managed.operations, ...commands(cloud, known), ...parameters(cloud) };
    return {
      ec2: ec2 as Runs,
      elasticloadbalancing: elb as Runs,
      ssm: ssm as Runs,
      autoscaling: autoScaling(cloud, scaling, roots) as Runs,
      crash: managed.crash,
      context: cloud,
    };
  }

  function operationsIn(id: string): ReturnType<typeof operationsOf> {
    if (id === account || !/^\d{12}$/.test(id)) return first;
    const known = others.get(id);
    if (known) return known;
    const created = operationsOf({
      ...base,
      account: id,
      zones: zonesOf(region, id, account),
      emit: ({ source, type, resources, detail }) => emit(id, source, type, resources, detail),
      ...ownState(state, id, alone),
    });
    others.set(id, created);
    return created;
  }

  function emit(of: string, source: string, type: string, resources: string[], detail: CloudEvent['detail']): void {
    options.emit({
      version: '0',
      id: uuid(count('event')),
      'detail-type': type,
      source,
      account: of,
      time: new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
      region,
      resources,
      detail,
    });
  }

  function count(name: string): string {
    const next = (counters.get(name) ?? 0) + 1;
    counters.set(name, next);
    return `${name} ${next}`;
  }

  function changed(): void {
    if (!closed) syncing.changed();
  }

  function guarded(task: () => void): void {
    try {
      task();
    } catch (error) {
      onError(error);
    }
  }

  function service(
    protocol: OperationService['protocol'],
    sdk: OperationService['sdk'],
    signingName: keyof typeof READ_ONLY,
  ): OperationService {
    const wrapped = Object.keys(first[signingName]).map((name): [string, (input: never, call: Call) => unknown] => [
      name,
      (input, call) => {
        const { DryRun, ...given } = input as { DryRun?: boolean };
        if (DryRun) throw new AwsError('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
        try {
          return operationsIn(accountOf(call.principal))[signingName][name]?.(given as never, call);
        } finally {
          if (!READ_ONLY[signingName].includes(name)) changed();
        }
      },
    ]);
    return { kind: 'operations', protocol, sdk, operations: Object.fromEntries(wrapped) };
  }
}

type Runs = OperationService['operations'];

function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
