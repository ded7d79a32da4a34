import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { AutoScaling } from '@aws-sdk/client-auto-scaling';
import { EC2 } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { Lambda } from '@aws-sdk/client-lambda';
import { S3 } from '@aws-sdk/client-s3';
import { SSM } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { scaledClock } from '../../../local/clock.ts';
import { type AccessKey, createKeys } from '../../../local/iam/keys.ts';
import { lambdaService } from '../../../local/lambda/api.ts';
import { createBuckets } from '../../../local/services/s3.ts';
import type { WireRequest } from '../../../local/wire/protocol.ts';
import { type Server, serve } from '../../../local/wire/server.ts';
import { createAuthentication } from '../../../local/wire/signature.ts';
import { createWire } from '../../../local/wire/wire.ts';
import { testCloud } from '../../support/cloud.ts';

const request = (url: string, headers: Record<string, string>): WireRequest => ({
  method: 'GET',
  url,
  headers,
  body: new Uint8Array(),
});

describe("AWS's own examples", () => {
  const at = (iso: string) => ({ now: () => Date.parse(iso) });
  const holder = (secretAccessKey: string) => ({
    find: (accessKeyId: string) => ({ accessKeyId, secretAccessKey }),
    hasEnded: () => false,
  });
  const scope = 'AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request';
  const signed = (signature: string) =>
    request('/?Action=ListUsers&Version=2010-05-08', {
      host: 'iam.amazonaws.com',
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      'x-amz-date': '20150830T123600Z',
      authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=content-type;host;x-amz-date, Signature=${signature}`,
    });
  const signature = '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7';
  const bearing = (link: WireRequest, key: string, protocol: 'awsQuery' | 'restXml', now: string) =>
    createWire(
      {
        [protocol === 'awsQuery' ? 'iam' : 's3']: {
          kind: 'raw',
          protocol: protocol === 'awsQuery' ? 'restJson1' : 'restXml',
          handle: async () => ({ status: 200, headers: {}, body: 'done' }),
          fail: ({ status, code }) => ({ status, headers: {}, body: code }),
        },
      },
      { principal: String, authenticate: createAuthentication(holder(key), at(now)) },
    )(link);

  // https://docs.aws.amazon.com/general/latest/gr/sigv4-create-canonical-request.html, as it was until 2022.
  test.each([
    [signature, '2015-08-30T12:36:30Z', 'done'],
    [signature, '2015-08-30T12:50:00Z', 'done'],
    [signature, '2015-08-30T12:52:00Z', 'InvalidSignatureException'],
    [signature, '2015-08-30T12:20:00Z', 'InvalidSignatureException'],
    [signature.replace('5d', '5e'), '2015-08-30T12:36:30Z', 'InvalidSignatureException'],
    ['', '2015-08-30T12:36:30Z', 'InvalidSignatureException'],
  ])('of a header: %s at %s', async (given, now, body) => {
    const key = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
    expect(await bearing(signed(given), key, 'awsQuery', now)).toMatchObject({ body });
  });

  // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
  test.each([
    ['86400', '2013-05-24T23:59:00Z', 'done'],
    ['86400', '2013-05-25T00:01:00Z', 'AccessDenied'],
    ['86401', '2013-05-24T23:59:00Z', 'SignatureDoesNotMatch'],
  ])('of a link good for %s s, at %s', async (expires, now, body) => {
    const link = `/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=${expires}&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404`;
    const headers = { host: 'examplebucket.s3.amazonaws.com' };
    const key = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
    expect(await bearing(request(link, headers), key, 'restXml', now)).toMatchObject({ body });
  });
});

describe('over HTTP', () => {
  const region = 'eu-central-1';
  const clock = { ...scaledClock(1), now: () => Date.now() + 3_600_000 };
  const roles = new Map<string, unknown>([['worker', {}]]);
  const keys = createKeys(['operator'], roles);
  const buckets = createBuckets(clock);
  buckets.create('bucket');
  const functions = { has: () => false } as unknown as Parameters<typeof lambdaService>[0];
  const services = {
    ...testCloud().cloud.services,
    s3: buckets.service,
    lambda: lambdaService(functions, async () => true, { account: '1' }),
  };
  const authenticate = createAuthentication(keys, clock);
  const wire = createWire(services, { principal: String, authenticate });
  let server: Server;
  beforeAll(async () => {
    server = await serve(async (asked) => {
      const answer = await wire(asked);
      return { ...answer, headers: { ...answer.headers, date: new Date(clock.now()).toUTCString() } };
    });
  });
  afterAll(() => server.close());

  type Ask = (config: { endpoint: string; region: string; credentials: AccessKey }) => Promise<unknown>;
  const once = { maxAttempts: 1 };
  const protocols: [name: string, right: string, key: string, signature: string, ask: Ask][] = [
    ['ec2Query', 'done', 'AuthFailure', 'SignatureDoesNotMatch', (c) => new EC2({ ...c, ...once }).describeVpcs()],
    [
      'awsQuery of ELB',
      'done',
      'InvalidClientTokenId',
      'SignatureDoesNotMatch',
      (c) => new ElasticLoadBalancingV2({ ...c, ...once }).describeLoadBalancers(),
    ],
    [
      'awsQuery of Auto Scaling',
      'done',
      'InvalidClientTokenId',
      'SignatureDoesNotMatch',
      (c) => new AutoScaling({ ...c, ...once }).describeAutoScalingGroups(),
    ],
    [
      'awsJson1_1',
      'done',
      'UnrecognizedClientException',
      'InvalidSignatureException',
      (c) => new SSM({ ...c, ...once }).describeInstanceInformation(),
    ],
    [
      'restJson1',
      'ResourceNotFoundException',
      'UnrecognizedClientException',
      'InvalidSignatureException',
      (c) =>
        new Lambda({ ...c, ...once }).getFunctionConfiguration({
          FunctionName: `arn:aws:lambda:${region}:1:function:f`,
        }),
    ],
    [
      'restXml',
      'done',
      'InvalidAccessKeyId',
      'SignatureDoesNotMatch',
      (c) => new S3({ ...c, ...once }).putObject({ Bucket: 'bucket', Key: "a b/ü+(1)!*'", Body: 'content' }),
    ],
  ];
  const outcome = (asked: Promise<unknown>) =>
    asked.then(
      () => 'done',
      (error) => error.name,
    );

  describe.each(protocols)('%s', (protocol, right, unknown, wrong, ask) => {
    const withKey = (credentials: AccessKey) => outcome(ask({ endpoint: server.url, region, credentials }));
    const operator = keys.ofUser('operator');
    const worker = () => keys.ofRole('worker');

    test('is answered to a user and to a role', async () => {
      expect([await withKey(operator), await withKey(worker())]).toEqual([right, right]);
    });

    test('is refused to who signs with a key that nobody has', async () => {
      expect(await withKey({ ...operator, accessKeyId: 'root' })).toBe(unknown);
      expect(await withKey(createKeys(['other'], roles).ofUser('other'))).toBe(unknown);
      roles.delete('worker');
      expect(await withKey(worker())).toBe(unknown);
      roles.set('worker', {});
    });

    test('is refused to who guesses the secret, or has the one of another start', async () => {
      expect(await withKey({ ...operator, secretAccessKey: 'of the local cloud' })).toBe(wrong);
      expect(await withKey(createKeys(['operator'], roles).ofUser('operator'))).toBe(wrong);
    });

    test('is refused, by another name, to who has the key of a session that has ended', async () => {
      const before = keys.ofRole('worker');
      keys.endSession('worker');
      const ended = { ec2Query: 'RequestExpired', awsQuery: 'ExpiredToken', restXml: 'ExpiredToken' };
      expect(await withKey(before)).toBe(
        ended[protocol.split(' ')[0] as keyof typeof ended] ?? 'ExpiredTokenException',
      );
      expect(await withKey(keys.ofRole('worker'))).toBe(right);
    });

    test("is refused to who has a role's key and not its token", async () => {
      const { sessionToken: _, ...bare } = worker();
      expect(await withKey(bare)).toBe(unknown);
      expect(await withKey({ ...worker(), sessionToken: 'guessed' })).toBe(unknown);
    });
  });

  test('is the same to a client whose clock is hours behind, when it has seen the date of an answer', async () => {
    const ec2 = new EC2({
      endpoint: server.url,
      region,
      credentials: keys.ofUser('operator'),
      systemClockOffset: -7_200_000,
    });
    expect(await outcome(ec2.describeVpcs())).toBe('done');
    const behind = { ...once, endpoint: server.url, region, credentials: keys.ofUser('operator') };
    expect(await outcome(new EC2({ ...behind, systemClockOffset: -7_200_000 }).describeVpcs())).toBe('RequestExpired');
  });

  describe('by curl, which signs by itself', () => {
    const curl = async (service: string, ...argv: string[]) => {
      const { accessKeyId, secretAccessKey } = keys.ofUser('operator');
      const who = ['--user', `${accessKeyId}:${secretAccessKey}`, '--aws-sigv4', `aws:amz:${region}:${service}`];
      return (await promisify(execFile)('curl', ['-s', ...who, ...argv])).stdout;
    };

    test('a form', async () => {
      const form = ['-d', 'Action=DescribeVpcs&Version=2016-11-15', `${server.url}/`];
      expect(await curl('ec2', ...form)).toContain('<DescribeVpcsResponse>');
      expect(await curl('ec2', ...form, '-H', 'x-amz-meta-more: said')).toContain('<DescribeVpcsResponse>');
    });

    test('whose body is changed on its way', async () => {
      let body = '';
      const between = await serve((asked) => wire({ ...asked, body: Buffer.from(body) }));
      const ask = () =>
        curl('ec2', '-d', 'Action=DescribeVpcs', '-H', `Host: ${new URL(between.url).host}`, `${between.url}/`);
      body = 'Action=DescribeVpcs';
      expect(await ask()).toContain('<DescribeVpcsResponse>');
      body = 'Action=DescribeSubnets';
      expect(await ask()).toContain('SignatureDoesNotMatch');
      await between.close();
    });
  });

  test('a header for AWS that is not signed, a body without a signature, a signature that lacks a part', async () => {
    const at = new Date(clock.now()).toISOString().replace(/[-:]|\.\d+/g, '');
    const ask = (headers: Record<string, string>) =>
      fetch(server.url, { method: 'POST', body: 'Action=DescribeVpcs', headers: { 'x-amz-date': at, ...headers } });
    const scope = `Credential=operator/${at.slice(0, 8)}/${region}/ec2/aws4_request`;
    const unsigned = await ask({});
    expect([unsigned.status, await unsigned.text()]).toEqual([
      403,
      expect.stringContaining('MissingAuthenticationToken'),
    ]);
    for (const authorization of [
      `AWS4-HMAC-SHA256 ${scope}`,
      `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host;x-amz-date, Signature=`,
      `AWS4-HMAC-SHA256 Credential=operator/x/x/ec2/x/x/x, SignedHeaders=host;x-amz-date, Signature=`,
      `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=x-amz-date, Signature=${'0'.repeat(64)}`,
    ]) {
      const answer = await ask({ authorization });
      expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining('SignatureDoesNotMatch')]);
    }
  });
});
