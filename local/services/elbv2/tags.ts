import type { CloudContext } from '../context.ts';
import { type Elb, listenerOf, loadBalancerOf, targetGroupOf } from './find.ts';

type Tags = { Key?: string | undefined; Value?: string | undefined }[] | undefined;

export function setTags(cloud: CloudContext, arn: string, tags: Tags): void {
  const set = cloud.tags.get(arn) ?? new Map<string, string>();
  for (const { Key = '', Value = '' } of tags ?? []) set.set(Key, Value);
  cloud.tags.set(arn, set);
}

/** Load balancers, listeners and target groups have tags. */
export function elbTags(cloud: CloudContext) {
  return {
    AddTags({ ResourceArns, Tags }) {
      for (const arn of ResourceArns) check(arn);
      for (const arn of ResourceArns) setTags(cloud, arn, Tags);
      return {};
    },

    RemoveTags({ ResourceArns, TagKeys }) {
      for (const arn of ResourceArns) check(arn);
      for (const arn of ResourceArns) for (const key of TagKeys) cloud.tags.get(arn)?.delete(key);
      return {};
    },

    DescribeTags({ ResourceArns }) {
      for (const arn of ResourceArns) check(arn);
      return {
        TagDescriptions: ResourceArns.map((arn) => ({
          ResourceArn: arn,
          Tags: [...(cloud.tags.get(arn) ?? [])].map(([Key, Value]) => ({ Key, Value })),
        })),
      };
    },
  } satisfies Elb;

  function check(arn: string): void {
    if (arn.includes(':targetgroup/')) targetGroupOf(cloud, arn);
    else if (arn.includes(':listener/')) listenerOf(cloud, arn);
    else loadBalancerOf(cloud, arn);
  }
}
