import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseHint } from '../../shared/events.ts';

const envelope = {
  version: '0',
  id: '1',
  source: 'aws.ec2',
  account: '111122223333',
  time: '2026-01-15T10:00:00Z',
  region: 'eu-central-1',
  resources: [],
};
const at = Date.UTC(2026, 0, 15, 10);

describe('an event', () => {
  test.each([
    ['Scheduled Event', {}, [], 'the minute'],
    ['EC2 Instance State-change Notification', { 'instance-id': 'i-1', state: 'running' }, [], 'i-1 running'],
    [
      'Tag Change on Resource',
      { 'changed-tag-keys': ['ziti-glb'], service: 'ec2', 'resource-type': 'subnet', tags: {} },
      ['arn:aws:ec2:eu-central-1:111122223333:subnet/subnet-1'],
      'tag ziti-glb of subnet-1',
    ],
    [
      'EC2 Command Invocation Status-change Notification',
      { 'command-id': 'c', 'instance-id': 'i-1', 'document-name': 'd', status: 'Success' },
      [],
      'command on i-1 Success',
    ],
    ...['launch', 'terminate'].map((what): [string, object, string[], string] => [
      `EC2 Instance-${what} Lifecycle Action`,
      { LifecycleActionToken: 't', LifecycleHookName: 'ziti-glb-hook', EC2InstanceId: 'i-1' },
      [],
      'hook ziti-glb-hook holds i-1',
    ]),
  ])('%s is a hint', (type, detail, resources, cause) => {
    const ids = [/(?:i|subnet)-1/.exec(cause)?.[0]].filter(Boolean);
    expect(parseHint({ ...envelope, 'detail-type': type, detail, resources })).toEqual({ at, cause, ids });
  });

  test.each([
    ['EC2 Spot Instance Interruption Warning', { 'instance-action': 'terminate' }, 'interruption'],
    ['EC2 Instance Rebalance Recommendation', {}, 'rebalance'],
  ])('%s is more than a hint: no look at AWS would show it', (type, detail, kind) => {
    expect(parseHint({ ...envelope, 'detail-type': type, detail: { 'instance-id': 'i-1', ...detail } })).toEqual({
      at,
      cause: `${kind} of i-1`,
      ids: ['i-1'],
      warning: { instanceId: 'i-1', kind },
    });
  });

  const call = (detail: object) =>
    parseHint({
      ...envelope,
      'detail-type': 'AWS API Call via CloudTrail',
      detail: { eventSource: 'ec2.amazonaws.com', ...detail },
    });

  test('of CloudTrail is a hint', () => {
    expect(call({ eventName: 'CreateRoute' })).toEqual({ at, cause: 'CreateRoute done', ids: [] });
  });

  test('of CloudTrail says which subnet could not be deleted, and only that', () => {
    const requestParameters = { subnetId: 'subnet-1' };
    const refused = { eventName: 'DeleteSubnet', errorCode: 'Client.DependencyViolation', requestParameters };
    const cause = 'DeleteSubnet Client.DependencyViolation';
    expect(call(refused)).toEqual({ at, cause, ids: [], deletionAttempted: 'subnet-1' });
    expect(call({ ...refused, errorCode: 'Client.UnauthorizedOperation' })).not.toHaveProperty('deletionAttempted');
    expect(call({ ...refused, errorCode: undefined })).not.toHaveProperty('deletionAttempted');
    expect(call({ ...refused, eventName: 'DeleteVpc' })).not.toHaveProperty('deletionAttempted');
  });

  test.each([
    ['of an unknown kind', { ...envelope, 'detail-type': 'EBS Volume Notification', detail: {} }],
    ['named like an object’s own property', { ...envelope, 'detail-type': 'constructor', detail: {} }],
    [
      'without the detail it should have',
      { ...envelope, 'detail-type': 'Tag Change on Resource', detail: { tags: {} } },
    ],
    ['without a time', { ...envelope, time: undefined, 'detail-type': 'Scheduled Event' }],
    ['that is none', null],
  ])('%s is dropped', (_, event) => expect(parseHint(event)).toBeUndefined());

  test('never throws, whatever it holds', () => {
    fc.assert(fc.property(fc.anything(), (event) => void parseHint(event)));
    fc.assert(
      fc.property(
        fc.anything(),
        fc.string(),
        (detail, type) => void parseHint({ ...envelope, 'detail-type': type, detail }),
      ),
    );
  });
});
