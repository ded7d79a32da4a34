import { CreateTagsCommand, DescribeSubnetsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import { AwsError } from '../../../local/wire/errors.ts';
import { inProcess } from '../../../local/wire/in-process.ts';
import { createWire } from '../../../local/wire/wire.ts';
import { isThrottle } from '../../../shared/aws/advice.ts';
import { type Call, isChange, watchAnswers, watchCalls } from '../../../shared/aws/calls.ts';
import { ADMIN, REGION, testCloud, testVpc } from '../../support/cloud.ts';

test('each call is told, each retry of it too, with AWS’s id and its error', async () => {
  let refusals = 2;
  const cloud = testCloud();
  const vpc = await testVpc(cloud);
  const wire = createWire(cloud.cloud.services, {
    principal: () => ADMIN,
    middleware: [
      async (_, __, next) => {
        if (refusals-- > 0) throw new AwsError('RequestLimitExceeded', 'Request limit exceeded.', 503);
        return next();
      },
    ],
  });
  const ec2 = new EC2Client({
    region: REGION,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    requestHandler: inProcess(async (request) => {
      const answer = await wire(request);
      return { ...answer, headers: { ...answer.headers, date: 'Thu, 15 Jan 2026 10:00:00 GMT' } };
    }),
  });
  const calls: Call[] = [];
  const dates: (string | undefined)[] = [];
  watchCalls(ec2, (call) => void calls.push(call));
  watchAnswers(ec2, ({ date }) => void dates.push(date));

  await ec2.send(new CreateTagsCommand({ Resources: [vpc.a0], Tags: [{ Key: 'k', Value: 'v' }] }));
  await ec2.send(new DescribeSubnetsCommand({}));

  expect(calls.map(({ action, error }) => [action, isThrottle(error)])).toEqual([
    ['CreateTags', true],
    ['CreateTags', true],
    ['CreateTags', false],
    ['DescribeSubnets', false],
  ]);
  expect(calls.map(isChange)).toEqual([true, true, true, false]);
  expect(new Set(calls.map(({ requestId }) => requestId)).size).toBe(4);
  expect(dates).toEqual(Array(4).fill('Thu, 15 Jan 2026 10:00:00 GMT'));
});
