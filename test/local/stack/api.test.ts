import {
  CloudFormation,
  type CreateStackCommandInput,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
  waitUntilStackUpdateComplete,
} from '@aws-sdk/client-cloudformation';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { cloudFormationService } from '../../../local/stack/api.ts';
import { changesOf, deleteStack, deployStack } from '../../../local/stack/deploy.ts';
import type { DeployedStack } from '../../../local/stack/deployed.ts';
import { resourceType } from '../../../local/stack/resource-type.ts';
import type { Template } from '../../../local/stack/template.ts';
import type { Orders } from '../../../local/stack/work.ts';
import { AwsError } from '../../../local/wire/errors.ts';
import { inProcess } from '../../../local/wire/in-process.ts';
import { createWire } from '../../../local/wire/wire.ts';

const PLACE = { region: 'eu-central-1', account: '111122223333' };
const StackName = 'a-stack';
const ID = 'arn:aws:cloudformation:eu-central-1:111122223333:stack/a-stack/0';
/** A resource is made or removed once this resolves. */
let ready = Promise.resolve();
/** A resource is called as its property says; `bad` is refused, and `kept` can neither be changed nor removed. */
const thing = resourceType(z.strictObject({ Name: z.string() }), [], async ({ Name }) => {
  await ready;
  if (Name === 'bad') throw new Error('this name is bad');
  const state = { Name };
  return {
    ref: Name,
    update: async (changed) => {
      if (changed.Name === 'bad') throw new Error('this name is bad');
      if (state.Name === 'kept') throw new Error('it is in use');
      state.Name = changed.Name;
    },
    async remove() {
      await ready;
      if (state.Name === 'kept') throw new Error('it is in use');
    },
  };
});
const types = { 'AWS::SNS::Topic': thing, 'AWS::IAM::Role': thing };

const body = (Resources: object, more = {}) => JSON.stringify({ Resources, ...more });
const topic = (Name: unknown) => ({ Type: 'AWS::SNS::Topic', Properties: { Name } });
const named = { Parameters: { name: { Type: 'String', Default: 'one' } } };
const TEMPLATE = body({ Topic: topic({ Ref: 'name' }) }, { ...named, Outputs: { Topic: { Value: { Ref: 'Topic' } } } });

const ROLE = 'arn:aws:iam::111122223333:role/deploys';
/** Access keys of those whose rights count, look by look. */
let workers: (string | undefined)[];
let deployed: Map<string, DeployedStack>;
let cloudFormation: CloudFormation;
beforeEach(() => {
  deployed = new Map();
  workers = [];
  let now = Date.UTC(2026, 0, 1);
  const of = (name: string, template: Template, parameters: Record<string, string>, how: Partial<Orders>) => {
    workers.push(how.by);
    return { ...how, template, parameters, types, place: { ...PLACE, name, zones: [] } };
  };
  const service = cloudFormationService(() => deployed.values(), PLACE, {
    ...{ clock: { now: () => now++ }, works: new Map() },
    read(bucket, key) {
      if (`${bucket}/${key}` !== 'templates/a b.json') throw new Error('NoSuchKey: there is none');
      return new TextEncoder().encode(TEMPLATE);
    },
    changes: async (name, template, parameters, before, how) => changesOf(of(name, template, parameters, how), before),
    async deploy(name, template, parameters, before, how) {
      const stack = await deployStack(of(name, template, parameters, how), before);
      const { createdAt = now } = deployed.get(name) ?? {};
      deployed.set(name, { stack, template, parameters, createdAt, updatedAt: before && now });
    },
    async remove(stack, tell) {
      await deleteStack(stack, tell);
      deployed.delete(stack.name);
    },
    async checkRole(roleArn) {
      if (roleArn !== ROLE) throw new AwsError('AccessDenied', `it may not be passed: ${roleArn}`, 403);
    },
  });
  const wire = createWire({ cloudformation: service }, { principal: () => 'arn:aws:iam::111122223333:user/operator' });
  cloudFormation = new CloudFormation({
    region: PLACE.region,
    credentials: { accessKeyId: 'operator', secretAccessKey: 'secret' },
    requestHandler: inProcess(wire),
    maxAttempts: 1,
  });
});

const waiting = () => ({ client: cloudFormation, maxWaitTime: 100, minDelay: 0.01, maxDelay: 0.01 });
/** `aws cloudformation deploy` makes these calls. */
async function deploy(TemplateBody: string, parameters: Record<string, string> = {}) {
  const there = await cloudFormation.describeStacks({ StackName }).then(
    () => true,
    () => false,
  );
  const Parameters = Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
    ParameterKey,
    ParameterValue,
  }));
  const ChangeSetType = there ? ('UPDATE' as const) : ('CREATE' as const);
  const set = { StackName, ChangeSetName: 'changes' };
  await cloudFormation.createChangeSet({ ...set, ChangeSetType, TemplateBody, Parameters });
  const { Changes, Status, StatusReason } = await cloudFormation.describeChangeSet(set);
  if (Status === 'FAILED') throw new Error(StatusReason);
  await cloudFormation.executeChangeSet(set);
  const wait = there ? waitUntilStackUpdateComplete : waitUntilStackCreateComplete;
  await wait(waiting(), { StackName });
  return Changes?.map(({ ResourceChange }) => `${ResourceChange?.Action} ${ResourceChange?.LogicalResourceId}`);
}
const stack = async () => (await cloudFormation.describeStacks({ StackName })).Stacks?.[0];
const events = async () => {
  const { StackEvents = [] } = await cloudFormation.describeStackEvents({ StackName });
  return StackEvents.map(({ LogicalResourceId, ResourceStatus, ResourceStatusReason: why }) =>
    [LogicalResourceId, ResourceStatus, ...(why ? [why] : [])].join(' '),
  ).reverse();
};
const refusal = (status: string) => `Stack:${ID} is in ${status} state and can not be updated.`;
/** What is made or removed from now on waits until the returned function is called. */
function hold(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  ready = promise;
  return resolve;
}
const until = async (status: string) => {
  while ((await stack())?.StackStatus !== status) await new Promise((resolve) => setTimeout(resolve, 5));
};

test('a stack is made, changed and removed by change sets, and its events say how', async () => {
  expect(await deploy(TEMPLATE)).toEqual(['Add Topic']);
  expect(await stack()).toMatchObject({
    ...{ StackId: ID, StackStatus: 'CREATE_COMPLETE' },
    ...{ Outputs: [{ OutputKey: 'Topic', OutputValue: 'one' }] },
  });
  const made = ['a-stack CREATE_IN_PROGRESS User Initiated', 'Topic CREATE_IN_PROGRESS', 'Topic CREATE_COMPLETE'];
  expect(await events()).toEqual([...made, 'a-stack CREATE_COMPLETE']);
  expect(await deploy(TEMPLATE, { name: 'two' })).toEqual(['Modify Topic']);
  expect(await stack()).toMatchObject({ StackStatus: 'UPDATE_COMPLETE', Parameters: [{ ParameterValue: 'two' }] });
  expect((await events()).slice(-2)).toEqual(['Topic UPDATE_COMPLETE', 'a-stack UPDATE_COMPLETE']);
  const other = body({ Other: topic('three') });
  expect(await deploy(other)).toEqual(['Add Other', 'Remove Topic']);
  expect(JSON.parse((await cloudFormation.getTemplate({ StackName })).TemplateBody ?? '')).toMatchObject(
    JSON.parse(other),
  );

  await cloudFormation.deleteStack({ StackName });
  await expect(until('DELETE_COMPLETE')).rejects.toThrow('Stack with id a-stack does not exist');
  await cloudFormation.deleteStack({ StackName });
});

test('what stands is known resource by resource', async () => {
  await deploy(TEMPLATE);
  const about = { LogicalResourceId: 'Topic', PhysicalResourceId: 'one', ResourceType: 'AWS::SNS::Topic' };
  expect((await cloudFormation.listStackResources({ StackName })).StackResourceSummaries).toMatchObject([about]);
  const ask = (LogicalResourceId: string) => cloudFormation.describeStackResource({ StackName, LogicalResourceId });
  expect((await ask('Topic')).StackResourceDetail).toMatchObject({ ...about, StackName, StackId: ID });
  await expect(ask('Other')).rejects.toThrow('Resource Other does not exist for stack a-stack');
});

test('a stack that cannot be made is rolled back, said why, and must be deleted before it is made again', async () => {
  await expect(deploy(body({ Good: topic('good'), Bad: topic('bad') }))).rejects.toThrow();
  expect(await stack()).toMatchObject({ StackStatus: 'ROLLBACK_COMPLETE' });
  expect((await stack())?.StackStatusReason).toContain('Bad could not be made: this name is bad');
  expect(await events()).toContain('Bad CREATE_FAILED this name is bad');
  expect(await events()).toContain('Good DELETE_COMPLETE');
  await expect(deploy(TEMPLATE)).rejects.toThrow(refusal('ROLLBACK_COMPLETE'));
  await cloudFormation.deleteStack({ StackName });
  expect(await deploy(TEMPLATE)).toEqual(['Add Topic']);
});

test('a stack that cannot be changed is as it was, and can be changed otherwise', async () => {
  await deploy(TEMPLATE);
  await expect(deploy(TEMPLATE, { name: 'bad' })).rejects.toThrow();
  expect(await stack()).toMatchObject({
    StackStatus: 'UPDATE_ROLLBACK_COMPLETE',
    Parameters: [{ ParameterValue: 'one' }],
  });
  expect(await deploy(TEMPLATE, { name: 'two' })).toEqual(['Modify Topic']);
});

test('a stack whose resource is in use is not removed, and not changed any more', async () => {
  await deploy(body({ Topic: topic('kept') }));
  await cloudFormation.deleteStack({ StackName });
  await until('DELETE_FAILED');
  expect(await events()).toContain('Topic DELETE_FAILED it is in use');
  await expect(deploy(TEMPLATE)).rejects.toThrow(refusal('DELETE_FAILED'));
  await expect(cloudFormation.updateStack({ StackName, TemplateBody: TEMPLATE })).rejects.toThrow(
    refusal('DELETE_FAILED'),
  );
  await cloudFormation.deleteStack({ StackName });
  await until('DELETE_FAILED');
});

test('a stack whose change could not be undone is not changed any more, and can be deleted', async () => {
  await deploy(body({ Topic: topic('one'), Other: topic('other') }));
  await expect(deploy(body({ Topic: topic('kept'), Other: topic('bad') }))).rejects.toThrow();
  expect(await stack()).toMatchObject({ StackStatus: 'UPDATE_ROLLBACK_FAILED' });
  await expect(deploy(TEMPLATE)).rejects.toThrow(refusal('UPDATE_ROLLBACK_FAILED'));
  await cloudFormation.deleteStack({ StackName });
  await until('DELETE_FAILED');
});

test('a stack is not deleted while it is changed, and is while it is made: what was made goes', async () => {
  const release = hold();
  const TemplateBody = body({ Topic: topic('one'), Other: { ...topic('two'), DependsOn: 'Topic' } });
  await cloudFormation.createStack({ StackName, TemplateBody });
  await cloudFormation.deleteStack({ StackName });
  expect(await stack()).toMatchObject({ StackStatus: 'DELETE_IN_PROGRESS' });
  release();
  await waitUntilStackDeleteComplete(waiting(), { StackName: ID });
  const { StackEvents = [] } = await cloudFormation.describeStackEvents({ StackName: ID });
  expect(StackEvents.map((each) => `${each.LogicalResourceId} ${each.ResourceStatus}`).reverse()).toEqual([
    ...['a-stack CREATE_IN_PROGRESS', 'Topic CREATE_IN_PROGRESS', 'a-stack DELETE_IN_PROGRESS'],
    ...['Topic CREATE_COMPLETE', 'Topic DELETE_IN_PROGRESS', 'Topic DELETE_COMPLETE', 'a-stack DELETE_COMPLETE'],
  ]);

  await deploy(TEMPLATE);
  const { StackId } = (await stack()) ?? {};
  const releaseOther = hold();
  await cloudFormation.updateStack({ StackName, TemplateBody });
  await expect(cloudFormation.deleteStack({ StackName })).rejects.toThrow(
    `Stack [${StackId}] cannot be deleted while in status UPDATE_IN_PROGRESS`,
  );
  releaseOther();
  await until('UPDATE_COMPLETE');
});

test('what a change leaves over is removed when all else is done, and is nobody’s if it cannot be', async () => {
  await deploy(body({ Topic: topic('kept'), Other: topic('other') }));
  const release = hold();
  await cloudFormation.updateStack({ StackName, TemplateBody: body({ Third: topic('third') }) });
  release();
  await until('UPDATE_COMPLETE');
  expect((await events()).slice(-7)).toEqual([
    ...['Third CREATE_COMPLETE', 'a-stack UPDATE_COMPLETE_CLEANUP_IN_PROGRESS'],
    ...['Other DELETE_IN_PROGRESS', 'Other DELETE_COMPLETE'],
    ...['Topic DELETE_IN_PROGRESS', 'Topic DELETE_FAILED it is in use', 'a-stack UPDATE_COMPLETE'],
  ]);
  const { StackResourceSummaries } = await cloudFormation.listStackResources({ StackName });
  expect(StackResourceSummaries?.map(({ LogicalResourceId }) => LogicalResourceId)).toEqual(['Third']);
});

test('a change that is undone takes back first what was changed, then removes what was made', async () => {
  await deploy(TEMPLATE);
  const Third = { ...topic('bad'), DependsOn: ['Topic', 'Other'] };
  await expect(deploy(body({ Topic: topic('two'), Other: topic('other'), Third }))).rejects.toThrow();
  expect((await events()).slice(-7).map((each) => each.split(' ').slice(0, 2).join(' '))).toEqual([
    ...['a-stack UPDATE_ROLLBACK_IN_PROGRESS', 'Topic UPDATE_IN_PROGRESS', 'Topic UPDATE_COMPLETE'],
    'a-stack UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS',
    ...['Other DELETE_IN_PROGRESS', 'Other DELETE_COMPLETE', 'a-stack UPDATE_ROLLBACK_COMPLETE'],
  ]);
});

test('what could not be undone of a stack that was made stays the stack’s, whose deletion tries it again', async () => {
  await expect(
    deploy(body({ Topic: topic('kept'), Other: { ...topic('bad'), DependsOn: 'Topic' } })),
  ).rejects.toThrow();
  expect(await stack()).toMatchObject({ StackStatus: 'ROLLBACK_FAILED' });
  await cloudFormation.deleteStack({ StackName });
  await until('DELETE_FAILED');
  expect((await events()).filter((each) => each.startsWith('Topic DELETE_FAILED'))).toHaveLength(2);
});

test('a stack that has a role is worked on by that, from then on, whoever asks', async () => {
  const made = { StackName, TemplateBody: TEMPLATE, RoleARN: ROLE };
  await expect(cloudFormation.createStack({ ...made, RoleARN: `${ROLE}-no` })).rejects.toThrow('it may not be passed');
  await cloudFormation.createStack(made);
  await until('CREATE_COMPLETE');
  expect(await stack()).toMatchObject({ RoleARN: ROLE });
  await deploy(TEMPLATE, { name: 'two' });
  expect(await stack()).toMatchObject({ RoleARN: ROLE });
  expect(new Set(workers)).toEqual(new Set(['deploys']));
});

test('a change set without changes fails, and says so', async () => {
  await deploy(TEMPLATE);
  await expect(deploy(TEMPLATE)).rejects.toThrow("The submitted information didn't contain changes.");
  const set = { StackName, ChangeSetName: 'changes' };
  await expect(cloudFormation.executeChangeSet(set)).rejects.toMatchObject({ name: 'InvalidChangeSetStatusException' });
  await cloudFormation.deleteChangeSet(set);
  await cloudFormation.deleteChangeSet(set);
  await expect(cloudFormation.describeChangeSet(set)).rejects.toMatchObject({ name: 'ChangeSetNotFoundException' });
});

test('a template is taken from a bucket, by either form of its address, and a parameter as it was before', async () => {
  const set = { StackName, ChangeSetName: 'changes', ChangeSetType: 'CREATE' as const };
  for (const TemplateURL of [
    'https://s3.eu-central-1.amazonaws.com/templates/a%20b.json',
    'https://templates.s3.eu-central-1.amazonaws.com/a%20b.json',
    'http://127.0.0.1:4780/templates/a%20b.json',
  ])
    expect((await cloudFormation.validateTemplate({ TemplateURL })).Parameters).toMatchObject([
      { ParameterKey: 'name' },
    ]);
  const TemplateURL = 'https://s3.eu-central-1.amazonaws.com/templates/none';
  await expect(cloudFormation.createChangeSet({ ...set, TemplateURL })).rejects.toThrow('NoSuchKey');

  await deploy(TEMPLATE, { name: 'two' });
  const Parameters = [{ ParameterKey: 'name', UsePreviousValue: true }];
  const again = { StackName, ChangeSetName: 'again', UsePreviousTemplate: true, Parameters };
  const { Id } = await cloudFormation.createChangeSet(again);
  expect(await cloudFormation.describeChangeSet({ ChangeSetName: Id })).toMatchObject({ Status: 'FAILED' });
});

test.each<[what: string, TemplateBody: string, more: object, sentence: RegExp]>([
  ['is no template', 'Resources: [', {}, /cannot be read/],
  ['has a type that there is not', body({ A: { Type: 'AWS::X::Y' } }), {}, /does not support AWS::X::Y/],
  ['is longer than a call may be', body({ Topic: topic('x'.repeat(51_200)) }), {}, /less than or equal to 51200/],
  [
    'has a role that nobody has agreed to',
    body({ Role: { Type: 'AWS::IAM::Role', Properties: { Name: 'r' } } }),
    {},
    /^Requires capabilities : \[CAPABILITY_IAM\]$/,
  ],
  ['is for a stack that is not there', TEMPLATE, { ChangeSetType: 'UPDATE' }, /^Stack \[a-stack\] does not exist$/],
  ['has no such parameter', TEMPLATE, { Parameters: [{ ParameterKey: 'x', ParameterValue: 'y' }] }, /no parameter x/],
])('a template that %s is refused before anything is made', async (_, TemplateBody, more, sentence) => {
  const set = { StackName, ChangeSetName: 'changes', ChangeSetType: 'CREATE' as const, TemplateBody, ...more };
  await expect(cloudFormation.createChangeSet(set)).rejects.toThrow(sentence);
  expect((await cloudFormation.describeStacks({})).Stacks ?? []).toEqual([]);
});

describe('without a change set', () => {
  const Tags = [{ Key: 'Team', Value: 'network' }];
  const two = [{ ParameterKey: 'name', ParameterValue: 'two' }];
  const create = async (input: Partial<CreateStackCommandInput> = {}) =>
    (await cloudFormation.createStack({ StackName, TemplateBody: TEMPLATE, ...input })).StackId;

  test('a stack is made, changed and deleted, and told of by its id', async () => {
    const Capabilities = ['CAPABILITY_IAM' as const];
    const release = hold();
    expect(await create({ Capabilities, Tags, ClientRequestToken: 'made' })).toBe(ID);
    expect(await stack()).toMatchObject({ StackStatus: 'CREATE_IN_PROGRESS', Capabilities, Tags });
    release();
    await waitUntilStackCreateComplete(waiting(), { StackName: ID });
    expect((await cloudFormation.getTemplate({ StackName })).TemplateBody).toBe(TEMPLATE);
    const { StackEvents = [] } = await cloudFormation.describeStackEvents({ StackName });
    expect(new Set(StackEvents.map(({ ClientRequestToken }) => ClientRequestToken))).toEqual(new Set(['made']));

    const { StackId } = await cloudFormation.updateStack({ StackName, UsePreviousTemplate: true, Parameters: two });
    expect(StackId).toBe(ID);
    await waitUntilStackUpdateComplete(waiting(), { StackName });
    expect(await stack()).toMatchObject({ Outputs: [{ OutputValue: 'one' }], Parameters: [{ ParameterValue: 'two' }] });
    expect(await stack()).toMatchObject({ Capabilities: [], Tags });
    expect((await events()).slice(-2)).toEqual(['Topic UPDATE_COMPLETE', 'a-stack UPDATE_COMPLETE']);

    await cloudFormation.deleteStack({ StackName });
    await waitUntilStackDeleteComplete(waiting(), { StackName: ID });
    const { Stacks } = await cloudFormation.describeStacks({ StackName: ID });
    expect(Stacks).toMatchObject([{ StackStatus: 'DELETE_COMPLETE', DeletionTime: expect.any(Date) }]);
    expect((await cloudFormation.describeStackEvents({ StackName: ID })).StackEvents?.[0]).toMatchObject({
      ResourceStatus: 'DELETE_COMPLETE',
    });
    await expect(stack()).rejects.toThrow('Stack with id a-stack does not exist');
    expect((await cloudFormation.describeStacks({})).Stacks ?? []).toEqual([]);
    expect(await create()).toBe(ID.replace('/0', '/1'));
  });

  test('a stack that cannot be made is rolled back, and told of by its id when it is deleted', async () => {
    await create({ TemplateBody: body({ Good: topic('good'), Bad: topic('bad') }) });
    await until('ROLLBACK_COMPLETE');
    expect(await events()).toContain('Bad CREATE_FAILED this name is bad');
    await expect(create()).rejects.toMatchObject({ name: 'AlreadyExistsException' });
    await expect(cloudFormation.updateStack({ StackName, TemplateBody: TEMPLATE })).rejects.toThrow(
      refusal('ROLLBACK_COMPLETE'),
    );
    await cloudFormation.deleteStack({ StackName: ID });
    expect((await cloudFormation.describeStacks({ StackName: ID })).Stacks).toMatchObject([
      { StackStatus: 'DELETE_COMPLETE' },
    ]);
  });

  test('a stack that cannot be changed is as it was', async () => {
    await create();
    await until('CREATE_COMPLETE');
    const Parameters = [{ ParameterKey: 'name', ParameterValue: 'bad' }];
    await cloudFormation.updateStack({ StackName, TemplateBody: ` ${TEMPLATE}`, Parameters });
    await until('UPDATE_ROLLBACK_COMPLETE');
    expect(await stack()).toMatchObject({ Parameters: [{ ParameterValue: 'one' }] });
    expect((await cloudFormation.getTemplate({ StackName })).TemplateBody).toBe(TEMPLATE);
  });

  test('of two calls at once one makes the stack, and the other is refused', async () => {
    const ends = await Promise.allSettled([create(), create()]);
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await until('CREATE_COMPLETE');
    const update = () => cloudFormation.updateStack({ StackName, UsePreviousTemplate: true, Parameters: two });
    const [one, other] = await Promise.allSettled([update(), update()]);
    expect([one.status, other.status]).toEqual(['fulfilled', 'rejected']);
    await until('UPDATE_COMPLETE');
  });

  test.each<[what: string, input: Partial<CreateStackCommandInput>, sentence: RegExp]>([
    ['is no template', { TemplateBody: 'Resources: [' }, /cannot be read/],
    [
      'has a role that nobody has agreed to',
      { TemplateBody: body({ Role: { Type: 'AWS::IAM::Role', Properties: { Name: 'r' } } }) },
      /^Requires capabilities : \[CAPABILITY_IAM\]$/,
    ],
    ['is not to be rolled back', { DisableRollback: true }, /stacks without DisableRollback$/],
    ['is to be deleted instead', { OnFailure: 'DELETE' }, /stacks without OnFailure$/],
    [
      'is to be told of',
      { NotificationARNs: ['arn:aws:sns:eu-central-1:111122223333:t'] },
      /without NotificationARNs$/,
    ],
  ])('a stack that %s is refused before anything is made', async (_, input, sentence) => {
    await expect(create(input)).rejects.toThrow(sentence);
    expect((await cloudFormation.describeStacks({})).Stacks ?? []).toEqual([]);
  });

  test('a change of a stack that is not there, or without changes, is refused', async () => {
    const update = () => cloudFormation.updateStack({ StackName, TemplateBody: TEMPLATE });
    await expect(update()).rejects.toThrow('Stack [a-stack] does not exist');
    const release = hold();
    await create();
    await expect(update()).rejects.toThrow(refusal('CREATE_IN_PROGRESS'));
    release();
    await until('CREATE_COMPLETE');
    await expect(update()).rejects.toThrow('No updates are to be performed.');
  });

  test('a call may say what is done anyway', async () => {
    expect(await create({ OnFailure: 'ROLLBACK', NotificationARNs: [], DisableRollback: false })).toBe(ID);
  });

  test('a call that comes again with its token is the one before, and does nothing more', async () => {
    const made = (ClientRequestToken: string) => create({ ClientRequestToken });
    const release = hold();
    expect([await made('made'), await made('made')]).toEqual([ID, ID]);
    await expect(made('other')).rejects.toMatchObject({ name: 'AlreadyExistsException' });
    release();
    await until('CREATE_COMPLETE');
    expect(await made('made')).toBe(ID);

    const more = body({ Topic: topic('two'), Other: topic('other') });
    const changed = (ClientRequestToken: string) =>
      cloudFormation.updateStack({ StackName, TemplateBody: more, ClientRequestToken });
    const releaseOther = hold();
    expect([await changed('changed'), await changed('changed')]).toMatchObject([{ StackId: ID }, { StackId: ID }]);
    await expect(changed('other')).rejects.toThrow(refusal('UPDATE_IN_PROGRESS'));
    // A resource that it makes is no stack that is made.
    await expect(made('changed')).rejects.toMatchObject({ name: 'AlreadyExistsException' });
    releaseOther();
    await until('UPDATE_COMPLETE');
    expect(await changed('changed')).toMatchObject({ StackId: ID });
    await expect(changed('other')).rejects.toThrow('No updates are to be performed.');
    expect((await events()).filter((each) => each.endsWith('User Initiated'))).toHaveLength(2);

    const deleted = (ClientRequestToken: string) => cloudFormation.deleteStack({ StackName, ClientRequestToken });
    const releaseLast = hold();
    await deleted('deleted');
    await deleted('deleted');
    await expect(deleted('other')).rejects.toThrow('cannot be deleted while in status DELETE_IN_PROGRESS');
    releaseLast();
  });

  test('other tags alone are a change, and another order of them is none', async () => {
    const Other = [{ Key: 'Stage', Value: 'prod' }, ...Tags];
    const update = (more = {}) => cloudFormation.updateStack({ StackName, UsePreviousTemplate: true, ...more });
    await create({ Tags });
    await until('CREATE_COMPLETE');
    await expect(update()).rejects.toThrow('No updates are to be performed.');
    await update({ Tags: Other });
    await until('UPDATE_COMPLETE');
    expect(await stack()).toMatchObject({ Tags: Other });
    await expect(update({ Tags: [...Other].reverse() })).rejects.toThrow('No updates are to be performed.');

    const set = { StackName, ChangeSetName: 'tags', UsePreviousTemplate: true };
    await cloudFormation.createChangeSet({ ...set, Tags });
    expect(await cloudFormation.describeChangeSet(set)).toMatchObject({ Status: 'CREATE_COMPLETE' });
    await cloudFormation.executeChangeSet(set);
    await until('UPDATE_COMPLETE');
    expect(await stack()).toMatchObject({ Tags });
  });
});
