import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { withoutSecrets } from '../../shared/secrets.ts';

const SESSION = 'FwoGZXIvYXdzEJr//////////wEaDNotARealOneAtAll+abc/def==';
const credentials = { accessKeyId: 'ASIAQWERTZUIOPASDFGH', secretAccessKey: 'x'.repeat(40), sessionToken: SESSION };
const s3 = new S3Client({ region: 'eu-central-1', credentials });
const link = await getSignedUrl(s3, new GetObjectCommand({ Bucket: 'b', Key: 'diverter' }), { expiresIn: 60 });
const query = new URL(link).searchParams;
const [signature, token] = [
  query.get('X-Amz-Signature') ?? '',
  encodeURIComponent(query.get('X-Amz-Security-Token') ?? ''),
];

describe('no secret is left', () => {
  test('of a presigned link, whatever it stands in', () => {
    expect(signature).toMatch(/^[0-9a-f]{64}$/);
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(' ', '"', "'", '\n', '&', ''), (around, edge) => {
        const text = withoutSecrets(`${around} ${link}${edge}${edge && around}`);
        for (const secret of [signature, token, SESSION, credentials.accessKeyId]) expect(text).not.toContain(secret);
      }),
    );
  });

  test.each([
    ['an access key', 'key AKIAIOSFODNN7EXAMPLE is', 'AKIAIOSFODNN7EXAMPLE'],
    ['a secret key in an environment', 'AWS_SECRET_ACCESS_KEY=abc/def+1', 'abc/def+1'],
    ['a secret key in JSON', '{"secretAccessKey":"abc/def+1"}', 'abc/def+1'],
    ['a session token', 'aws_session_token = tok3n+1', 'tok3n+1'],
    ['a JWT to enrol with', 'jwt eyJhbGciOiJSUzI1NiJ9.eyJlbSI6Im90dCJ9abc.c2lnbmF0dXJl', 'c2lnbmF0dXJl'],
    ['a private key', 'x -----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY----- y', 'MHcCAQ'],
    ['a private key that is cut off', '-----BEGIN PRIVATE KEY-----\nMHcCAQ', 'MHcCAQ'],
  ])('of %s', (_, text, secret) => {
    expect(text).toContain(secret);
    expect(withoutSecrets(text)).not.toContain(secret);
  });
});

test.each([
  'subnet-0ab (app-a): route 10.20.0.0/16 in rtb-0cd now leads to vpce-0ef, was missing',
  'InvalidInstanceId: Instances [[i-0aaaaaaaaaaaaaaa1]] not in a valid state for account 111122223333',
  'arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/routers/0123456789abcdef',
  'a presigned link ends with X-Amz-Signature',
])('what is no secret stays: %s', (text) => {
  expect(withoutSecrets(text)).toBe(text);
});
