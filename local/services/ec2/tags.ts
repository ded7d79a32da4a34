import type { Tag, TagSpecification } from '@aws-sdk/client-ec2';
import { wildcard } from '../../wildcard.ts';
import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { paginate } from '../paginate.ts';
import { arnOf, type Ec2, find, KINDS, type Kind } from './find.ts';

/** EC2 resources have tags, and AWS sends an event when they change. */
export function tags(cloud: CloudContext) {
  /** Changes the tags of all of the resources, or of none. */
  function changeTags(ids: string[], change: (tags: Map<string, string>) => void): void {
    const changes = ids.map((id) => {
      const kind = kindOf(id);
      find<unknown>(recordsOf(cloud, kind), kind, id);
      const before = cloud.tags.get(id) ?? new Map<string, string>();
      const after = new Map(before);
      change(after);
      if (countOf(after) > 50)
        throw new AwsError('TagLimitExceeded', `the resource ${id} would have more than 50 tags`);
      const keys = [...new Set([...before.keys(), ...after.keys()])].filter(
        (key) => before.get(key) !== after.get(key),
      );
      return { kind, id, after, keys };
    });
    for (const { kind, id, after, keys } of changes) {
      cloud.tags.set(id, after);
      if (keys.length) announce(kind, id, keys, after);
    }
  }

  /** https://docs.aws.amazon.com/tag-editor/latest/userguide/tag-monitor.html: a removed key is among the changed ones, and not among the tags. */
  function announce(kind: Kind, id: string, keys: string[], after: ReadonlyMap<string, string>): void {
    const version = (cloud.tagVersions.get(id) ?? 0) + 1;
    cloud.tagVersions.set(id, version);
    cloud.emit({
      source: 'aws.tag',
      type: 'Tag Change on Resource',
      resources: [arnOf(cloud, kind, id)],
      detail: {
        'changed-tag-keys': keys,
        service: 'ec2',
        'resource-type': KINDS[kind].type,
        version,
        'version-timestamp': String(Math.floor(cloud.clock.now())),
        tags: Object.fromEntries(after),
      },
    });
  }

  return {
    CreateTags({ Resources, Tags }) {
      const pairs = checkedTags(Tags);
      changeTags(Resources, (tags) => {
        for (const [key, value] of pairs) tags.set(key, value);
      });
      return {};
    },

    /** A tag given without a value goes whatever its value is; without any tag given, all go. */
    DeleteTags({ Resources, Tags }) {
      changeTags(Resources, (tags) => {
        if (!Tags) for (const key of tags.keys()) if (!isOfAws(key)) tags.delete(key);
        for (const { Key = '', Value } of Tags ?? [])
          if (Value === undefined || tags.get(Key) === Value) tags.delete(Key);
      });
      return {};
    },

    DescribeTags({ Filters, MaxResults, NextToken }) {
      const all = [...cloud.tags].flatMap(([id, pairs]) => {
        const kind = prefixKind(id);
        return kind && recordsOf(cloud, kind).has(id)
          ? [...pairs].map(([Key, Value]) => ({ ResourceId: id, ResourceType: KINDS[kind].type, Key, Value }))
          : [];
      });
      const looksAt: Record<string, (tag: (typeof all)[number]) => string> = {
        key: (tag) => tag.Key,
        value: (tag) => tag.Value,
        'resource-id': (tag) => tag.ResourceId,
        'resource-type': (tag) => tag.ResourceType,
      };
      const tests = (Filters ?? []).map(({ Name = '', Values = [] }) => {
        const patterns = Values.map(wildcard);
        const tagKey = /^tag:(.*)$/s.exec(Name)?.[1];
        const of = Object.hasOwn(looksAt, Name) ? looksAt[Name] : undefined;
        if (tagKey === undefined && !of) throw new AwsError('InvalidParameterValue', `The filter '${Name}' is invalid`);
        return (tag: (typeof all)[number]) =>
          (tagKey === undefined || tag.Key === tagKey) &&
          patterns.some((pattern) => pattern.test(of?.(tag) ?? tag.Value));
      });
      const found = all.filter((tag) => tests.every((test) => test(tag)));
      const { page, ...next } = paginate(found, { MaxResults, NextToken }, { least: 5, greatest: 1000 });
      return { Tags: page, ...next };
    },
  } satisfies Ec2;
}

/** Tags given at creation. Whether AWS sends an event for them is not documented: here it does not, the harder case for who listens. */
export function tagsAtCreation(kind: Kind, specifications: TagSpecification[] | undefined): Map<string, string> {
  const type = KINDS[kind].type;
  const mine = (specifications ?? []).filter(({ ResourceType }) => ResourceType === type);
  return checkedTags(mine.flatMap(({ Tags }) => Tags ?? []));
}

/** @throws AwsError if `specifications` tag anything that the call does not create. */
export function refuseOtherTags(kinds: readonly Kind[], specifications: TagSpecification[] | undefined): void {
  for (const { ResourceType } of specifications ?? [])
    if (!kinds.some((kind) => KINDS[kind].type === ResourceType))
      throw new AwsError(
        'InvalidParameterValue',
        `'${ResourceType}' is not a valid taggable resource type for this operation.`,
      );
}

export function tagList(cloud: CloudContext, id: string): Tag[] {
  return [...(cloud.tags.get(id) ?? [])].map(([Key, Value]) => ({ Key, Value }));
}

/** Tags that AWS sets cannot be written or deleted, and do not count. */
const isOfAws = (key: string) => /^aws:/i.test(key);
const countOf = (tags: ReadonlyMap<string, string>) => [...tags.keys()].filter((key) => !isOfAws(key)).length;

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions */
function checkedTags(tags: Tag[]): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const { Key = '', Value = '' } of tags) {
    if (isOfAws(Key))
      throw new AwsError('InvalidParameterValue', `Tag keys starting with 'aws:' are reserved for internal use`);
    if (Key.length < 1 || Key.length > 128)
      throw new AwsError('InvalidParameterValue', `Tag key exceeds the maximum length of 128 characters or is empty`);
    if (Value.length > 256)
      throw new AwsError('InvalidParameterValue', `Tag value exceeds the maximum length of 256 characters`);
    pairs.set(Key, Value);
  }
  if (pairs.size > 50) throw new AwsError('TagLimitExceeded', 'more than 50 tags');
  return pairs;
}

function kindOf(id: string): Kind {
  const kind = prefixKind(id);
  if (!kind) throw new AwsError('InvalidID', `The ID '${id}' is not valid`);
  return kind;
}

/** The longest prefix decides: `vpce-svc-…` is not an endpoint. */
function prefixKind(id: string): Kind | undefined {
  const prefix = id.slice(0, id.lastIndexOf('-'));
  return kinds.find((kind) => KINDS[kind].prefix === prefix);
}
const kinds = Object.keys(KINDS).filter((key): key is Kind => key in KINDS);

function recordsOf(cloud: CloudContext, kind: Kind): ReadonlyMap<string, unknown> {
  /** Ids of what each VPC has from the start, with the VPC's own digits. */
  const ofVpcs = (prefix: string) => new Map([...cloud.vpcs].map(([id, vpc]) => [id.replace('vpc-', prefix), vpc]));
  return {
    vpc: cloud.vpcs,
    subnet: cloud.subnets,
    routeTable: cloud.routeTables,
    prefixList: cloud.prefixLists,
    internetGateway: cloud.internetGateways,
    natGateway: cloud.natGateways,
    transitGateway: cloud.transitGateways,
    transitGatewayAttachment: cloud.vpcAttachments,
    transitGatewayRouteTable: cloud.transitGatewayTables,
    interface: cloud.interfaces,
    instance: cloud.instances,
    endpoint: cloud.endpoints,
    endpointService: cloud.endpointServices,
    launchTemplate: cloud.launchTemplates,
    securityGroup: ofVpcs('sg-'),
    networkAcl: ofVpcs('acl-'),
  }[kind];
}
