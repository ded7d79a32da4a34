import { CreateVpcCommand, DeleteVpcCommand, DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import { createTrail } from '../../../local/events/trail.ts';
import type { CloudEvent } from '../../../local/services/cloud.ts';
import { ACCOUNT, REGION, testCloud } from '../../support/cloud.ts';

const MINUTE = 60_000;

function world(random: () => number) {
  const told: CloudEvent[] = [];
  const cloud = testCloud({ middleware: [(...asked) => trail.middleware(...asked)] });
  const { clock } = cloud;
  const put = (event: CloudEvent) => void told.push(event);
  const trail = createTrail({ clock, account: ACCOUNT, region: REGION, put, sessionOf: () => undefined, random });
  return { ...cloud, told, trail };
}

test.each([
  [0, 1],
  [0.5, 5],
])('CloudTrail tells of a call minutes late, and of when it was made', async (drawn, minutes) => {
  const { ec2, clock, told } = world(() => drawn);
  const madeAt = new Date(clock.now()).toISOString().replace('.000', '');
  await ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
  await clock.run(minutes * MINUTE - 1);
  expect(told).toEqual([]);
  await clock.run(1);
  expect(told).toMatchObject([
    {
      source: 'aws.ec2',
      time: madeAt,
      detail: {
        eventTime: madeAt,
        eventName: 'CreateVpc',
        userIdentity: { type: 'AssumedRole', arn: `arn:aws:sts::${ACCOUNT}:assumed-role/admin/admin` },
      },
    },
  ]);
  expect(told[0]?.detail).not.toHaveProperty('errorCode');
});

test('a read is not told, a refused call is, with its error', async () => {
  const { ec2, clock, told } = world(() => 0);
  await ec2.send(new DescribeVpcsCommand({}));
  await expect(ec2.send(new DeleteVpcCommand({ VpcId: 'vpc-00000000000000000' }))).rejects.toThrow();
  await clock.run(MINUTE);
  expect(told.map(({ detail }) => [detail.eventName, detail.errorCode])).toEqual([
    ['DeleteVpc', 'Client.InvalidVpcID.NotFound'],
  ]);
});

test('nothing is told after the end', async () => {
  const { ec2, clock, told, trail } = world(() => 0);
  await ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
  trail.close();
  await clock.run(MINUTE);
  expect(told).toEqual([]);
});
