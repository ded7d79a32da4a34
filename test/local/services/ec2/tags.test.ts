import * as ec2 from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { ACCOUNT, REGION, type TestCloud, testCloud, testVpc } from '../../../support/cloud.ts';

let cloud: TestCloud;
let vpc: Awaited<ReturnType<typeof testVpc>>;
beforeEach(async () => {
  cloud = testCloud();
  vpc = await testVpc(cloud);
});

const pairs = (tags: Record<string, string | undefined>) =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
const set = (Resources: string[], tags: Record<string, string>) =>
  cloud.ec2.send(new ec2.CreateTagsCommand({ Resources, Tags: pairs(tags) }));
const unset = (Resources: string[], tags?: Record<string, string | undefined>) =>
  cloud.ec2.send(new ec2.DeleteTagsCommand({ Resources, Tags: tags && pairs(tags) }));
const tagsOf = async (subnet: string) => {
  const { Subnets } = await cloud.ec2.send(new ec2.DescribeSubnetsCommand({ SubnetIds: [subnet] }));
  return Object.fromEntries(Subnets?.[0]?.Tags?.map(({ Key, Value }) => [Key, Value]) ?? []);
};

test('a change is an event with the keys that changed, and all the tags as they are then', async () => {
  await set([vpc.a1], { Name: 'app-a' });
  await set([vpc.a1], { inspect: 'yes', Name: 'app-a' });
  await unset([vpc.a1], { inspect: undefined });
  const time = new Date(cloud.clock.now()).toISOString().replace('.000Z', 'Z');
  const event = (detail: object) => ({
    version: '0',
    id: expect.any(String),
    'detail-type': 'Tag Change on Resource',
    source: 'aws.tag',
    account: ACCOUNT,
    time,
    region: REGION,
    resources: [`arn:aws:ec2:${REGION}:${ACCOUNT}:subnet/${vpc.a1}`],
    detail: {
      service: 'ec2',
      'resource-type': 'subnet',
      'version-timestamp': String(cloud.clock.now()),
      ...detail,
    },
  });
  expect(cloud.events).toEqual([
    event({ 'changed-tag-keys': ['Name'], tags: { Name: 'app-a' }, version: 1 }),
    event({ 'changed-tag-keys': ['inspect'], tags: { Name: 'app-a', inspect: 'yes' }, version: 2 }),
    event({ 'changed-tag-keys': ['inspect'], tags: { Name: 'app-a' }, version: 3 }),
  ]);
  expect(new Set(cloud.events.map(({ id }) => id)).size).toBe(3);
});

test('no change, no event; two resources, two events', async () => {
  await set([vpc.a1, vpc.b1], { a: '1' });
  await set([vpc.a1], { a: '1' });
  await unset([vpc.a1], { b: undefined });
  expect(cloud.events).toHaveLength(2);
});

describe('DeleteTags', () => {
  test.each<[string, Record<string, string | undefined> | undefined, Record<string, string>]>([
    ['by key', { a: undefined }, { b: '2' }],
    ['by key and value', { a: '1' }, { b: '2' }],
    ['by key and another value: nothing', { a: '9' }, { a: '1', b: '2' }],
    ['by key and the empty value: nothing', { a: '' }, { a: '1', b: '2' }],
    ['all', undefined, {}],
  ])('%s', async (_what, tags, left) => {
    await set([vpc.a1], { a: '1', b: '2' });
    await unset([vpc.a1], tags);
    expect(await tagsOf(vpc.a1)).toEqual(left);
  });
});

describe('CreateTags refuses, as a whole,', () => {
  const many = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`k${index}`, '']));
  test.each<[string, () => Promise<unknown>, string]>([
    ['an unknown resource', () => set([vpc.a1, 'subnet-00000000000000000'], { a: '1' }), 'InvalidSubnetID.NotFound'],
    ['an unknown kind', () => set([vpc.a1, 'vol-00000000000000000'], { a: '1' }), 'InvalidID'],
    ['a key of AWS', () => set([vpc.a1], { 'aws:x': '1' }), 'InvalidParameterValue'],
    ['a long key', () => set([vpc.a1], { ['k'.repeat(129)]: '1' }), 'InvalidParameterValue'],
    ['a long value', () => set([vpc.a1], { a: 'v'.repeat(257) }), 'InvalidParameterValue'],
    ['too many', () => set([vpc.a1], many), 'TagLimitExceeded'],
    ['one too many', () => set([vpc.b1, vpc.a1], { next: '1' }), 'TagLimitExceeded'],
  ])('%s', async (what, attempt, name) => {
    const before = what === 'one too many' ? Object.fromEntries(Object.entries(many).slice(1)) : {};
    if (what === 'one too many') await set([vpc.a1], before);
    await expect(attempt()).rejects.toMatchObject({ name });
    expect(await tagsOf(vpc.a1)).toEqual(before);
    expect(await tagsOf(vpc.b1)).toEqual({});
  });
});

describe('DescribeTags', () => {
  test.each<[string, () => ec2.Filter[], () => [string, string][]]>([
    [
      'all',
      () => [],
      () => [
        [vpc.vpc, 'a'],
        [vpc.a1, 'a'],
        [vpc.a1, 'b'],
      ],
    ],
    [
      'of a resource',
      () => [{ Name: 'resource-id', Values: [vpc.a1] }],
      () => [
        [vpc.a1, 'a'],
        [vpc.a1, 'b'],
      ],
    ],
    ['of a type', () => [{ Name: 'resource-type', Values: ['vpc'] }], () => [[vpc.vpc, 'a']]],
    [
      'of a key and a value',
      () => [
        { Name: 'key', Values: ['a'] },
        { Name: 'value', Values: ['1'] },
      ],
      () => [[vpc.a1, 'a']],
    ],
    ['of a tag', () => [{ Name: 'tag:a', Values: ['2*'] }], () => [[vpc.vpc, 'a']]],
  ])('%s', async (_what, Filters, expected) => {
    await set([vpc.a1], { a: '1', b: '' });
    await set([vpc.vpc], { a: '22' });
    const { Tags } = await cloud.ec2.send(new ec2.DescribeTagsCommand({ Filters: Filters() }));
    expect(Tags?.map(({ ResourceId, Key }) => [ResourceId, Key])).toEqual(expected());
  });
});
