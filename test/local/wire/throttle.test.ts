import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '../../../local/clock.ts';
import { AwsError } from '../../../local/wire/errors.ts';
import { throttle } from '../../../local/wire/throttle.ts';

function bucket(service: string, operation: string, input: Record<string, unknown> = {}) {
  const clock = new VirtualClock();
  const middleware = throttle(clock);
  const call = (name = operation) =>
    middleware({ service, operation: name, accessKeyId: '', principal: '', requestId: '' }, input, async () => 'done');
  /** So many calls pass at this moment, before one is refused. */
  const burst = async (name?: string) => {
    for (let passed = 0; ; passed++) {
      try {
        await call(name);
      } catch (error) {
        if (error instanceof AwsError) return { passed, code: error.code };
        throw error;
      }
    }
  };
  return { clock, burst };
}

describe('calls at once, then calls a minute', () => {
  test.each([
    ['ec2', 'CreateVpcEndpoint', {}, 4, 18],
    ['ec2', 'DeleteVpcEndpoints', {}, 4, 18],
    ['ec2', 'AcceptVpcEndpointConnections', {}, 10, 60],
    ['ec2', 'CreateTags', {}, 100, 600],
    ['ec2', 'CreateRoute', {}, 50, 300],
    ['ec2', 'RunInstances', {}, 5, 120],
    ['ec2', 'DescribeSubnets', {}, 100, 1200],
    ['ec2', 'SearchTransitGatewayRoutes', {}, 100, 1200],
    ['ec2', 'DescribeInstances', {}, 50, 600],
    ['ec2', 'DescribeInstances', { MaxResults: 100 }, 100, 1200],
    ['ec2', 'DescribeInstanceStatus', {}, 50, 600],
    ['ec2', 'DescribeInstanceStatus', { Filters: [] }, 50, 600],
    ['ec2', 'DescribeInstanceStatus', { Filters: [{ Name: 'instance-state-name', Values: ['running'] }] }, 100, 1200],
    ['ec2', 'ModifyInstanceMetadataOptions', {}, 100, 300],
    ['elasticloadbalancing', 'RegisterTargets', {}, 20, 240],
    ['elasticloadbalancing', 'DescribeTargetHealth', {}, 40, 600],
    ['elasticloadbalancing', 'CreateLoadBalancer', {}, 10, 12],
  ])('%s %s %j', async (service, operation, input, atOnce, perMinute) => {
    const { clock, burst } = bucket(service, operation, input);
    const { passed, code } = await burst();
    expect(passed).toBe(atOnce);
    expect(code).toBe(service === 'ec2' ? 'RequestLimitExceeded' : 'Throttling');
    let later = 0;
    for (let second = 0; second < 60; second++) {
      await clock.run(1000);
      later += (await burst()).passed;
    }
    expect(later).toBe(perMinute);
  });
});

test('an idle bucket fills up to its size and no further', async () => {
  const { clock, burst } = bucket('ec2', 'CreateVpcEndpoint');
  await burst();
  await clock.run(3_600_000);
  expect((await burst()).passed).toBe(4);
});

test.each([
  ['CreateVpcEndpoint', 'DeleteVpcEndpoints', 4],
  ['CreateRoute', 'ReplaceRoute', 50],
  ['ReplaceRoute', 'DeleteRoute', 50],
  ['DescribeSubnets', 'DescribeRouteTables', 100],
  ['CreateSubnet', 'AssociateRouteTable', 50],
])('each action of EC2 has a bucket of its own: %s takes nothing from %s', async (first, second, size) => {
  const { burst } = bucket('ec2', first);
  await burst();
  expect((await burst(second)).passed).toBe(size);
});

test('all actions of Elastic Load Balancing together share one', async () => {
  const { burst } = bucket('elasticloadbalancing', 'DescribeTargetHealth');
  expect((await burst()).passed).toBe(40);
  expect((await burst('RegisterTargets')).passed).toBe(0);
});
