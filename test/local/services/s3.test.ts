import { Readable } from 'node:stream';
import { GetObjectCommand, paginateListObjectsV2, S3 } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { describe, expect, test } from '@jest/globals';
import { strToU8 } from 'fflate';
import { VirtualClock } from '../../../local/clock.ts';
import { type AccessKey, createKeys } from '../../../local/iam/keys.ts';
import { createBuckets } from '../../../local/services/s3.ts';
import { inProcess } from '../../../local/wire/in-process.ts';
import { serve } from '../../../local/wire/server.ts';
import { createAuthentication } from '../../../local/wire/signature.ts';
import { createWire } from '../../../local/wire/wire.ts';

const Bucket = 'artefacts';

async function world() {
  const clock = new VirtualClock(Date.now());
  const buckets = createBuckets(clock);
  buckets.create(Bucket);
  const keys = createKeys(['someone'], new Map([['worker', {}]]));
  const authenticate = createAuthentication(keys, clock);
  const wire = createWire({ s3: buckets.service }, { principal: () => 'arn:aws:iam::111122223333:root', authenticate });
  const config = {
    endpoint: 'http://127.0.0.1:4780',
    region: 'eu-central-1',
    credentials: keys.ofUser('someone'),
    requestHandler: inProcess(wire),
  };
  const s3 = new S3(config);
  await s3.putObject({ Bucket, Key: 'a b/ü+1', Body: strToU8('content'), ContentType: 'text/plain' });
  const get = (url: string, method = 'GET') =>
    wire({
      method,
      url: url.replace('http://127.0.0.1:4780', ''),
      headers: { host: '127.0.0.1:4780' },
      body: new Uint8Array(),
    });
  const presigned = (Key: string, expiresIn: number, credentials: AccessKey = keys.ofUser('someone')) =>
    getSignedUrl(new S3({ ...config, credentials }), new GetObjectCommand({ Bucket, Key }), { expiresIn });
  return { clock, keys, buckets, config, s3, get, presigned };
}

describe('an object', () => {
  test('is read as it was put', async () => {
    const { s3, buckets } = await world();
    const { Body, ContentType, ETag } = await s3.getObject({ Bucket, Key: 'a b/ü+1' });
    expect(await Body?.transformToString()).toBe('content');
    expect({ ContentType, ETag }).toEqual({ ContentType: 'text/plain', ETag: '"9a0364b9e99bb480dd25e1f0284c8555"' });
    expect(await s3.headObject({ Bucket, Key: 'a b/ü+1' })).toMatchObject({ ETag });
    expect(buckets.read(Bucket, 'a b/ü+1')).toEqual(strToU8('content'));
  });

  test('is gone once deleted', async () => {
    const { s3, buckets } = await world();
    await s3.deleteObject({ Bucket, Key: 'a b/ü+1' });
    await expect(s3.getObject({ Bucket, Key: 'a b/ü+1' })).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect(() => buckets.read(Bucket, 'a b/ü+1')).toThrow('NoSuchKey');
  });

  test('has no tags and no parts: whoever asks for some is refused, and the object stays as it is', async () => {
    const { s3, buckets } = await world();
    const object = { Bucket, Key: 'a b/ü+1' };
    const refused = { name: 'NotImplemented' };
    await expect(s3.putObjectTagging({ ...object, Tagging: { TagSet: [] } })).rejects.toMatchObject(refused);
    await expect(s3.getObjectTagging(object)).rejects.toMatchObject(refused);
    await expect(s3.uploadPart({ ...object, PartNumber: 1, UploadId: 'x', Body: 'x' })).rejects.toMatchObject(refused);
    expect(buckets.read(Bucket, object.Key)).toEqual(strToU8('content'));
  });

  test('of a bucket that is not there is refused', async () => {
    const { s3 } = await world();
    await expect(s3.getObject({ Bucket: 'other', Key: 'x' })).rejects.toMatchObject({ name: 'NoSuchBucket' });
  });
});

describe('a presigned link', () => {
  test('is good until it expires, by the clock of the cloud', async () => {
    const { clock, get, presigned } = await world();
    const url = await presigned('a b/ü+1', 300);
    expect(await get(url)).toMatchObject({ status: 200, body: strToU8('content') });
    await clock.run(299_000);
    expect(await get(url)).toMatchObject({ status: 200 });
    await clock.run(2_000);
    expect(await get(url)).toMatchObject({ status: 403, body: expect.stringContaining('Request has expired') });
  });

  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
  test('dies with the session that signed it, before it expires', async () => {
    const { keys, get, presigned } = await world();
    const url = await presigned('a b/ü+1', 3600, keys.ofRole('worker'));
    expect(await get(url)).toMatchObject({ status: 200 });
    keys.endSession('worker');
    expect(await get(url)).toMatchObject({ status: 400, body: expect.stringContaining('<Code>ExpiredToken</Code>') });
    expect(await get(await presigned('a b/ü+1', 3600, keys.ofRole('worker')))).toMatchObject({ status: 200 });
    expect(await get(url.replace(/(Security-Token=)./, '$1x'))).toMatchObject({
      status: 403,
      body: expect.stringContaining('<Code>InvalidAccessKeyId</Code>'),
    });
  });

  test.each([
    ['to another object', (url: string) => url.replace('1?', '2?'), 403],
    ['with a longer life', (url: string) => url.replace('Expires=300', 'Expires=3000'), 403],
    ['with another signature', (url: string) => url.replace(/(X-Amz-Signature=)./, '$1x'), 403],
    ['of somebody else', (url: string) => url.replace('=someone', '=nobody'), 403],
    ['with a broken date', (url: string) => url.replace(/X-Amz-Date=[^&]*/, 'X-Amz-Date=soon'), 403],
    ['without an expiry', (url: string) => url.replace(/X-Amz-Expires=[^&]*/, ''), 403],
    ['without a signature', (url: string) => url.replace(/\?.*/, ''), 403],
  ])('%s is refused', async (_name, change, status) => {
    const { get, presigned } = await world();
    expect(await get(change(await presigned('a b/ü+1', 300)))).toMatchObject({ status });
  });

  test('to what is not there is followed, and finds nothing', async () => {
    const { get, presigned } = await world();
    expect(await get(await presigned('a b/ü+2', 300))).toMatchObject({ status: 404 });
  });

  test.each([604_801, 0.5])('of %p seconds is none', async (expires) => {
    const { get, presigned } = await world();
    const signed = await presigned('a b/ü+1', 604_800);
    expect(await get(signed)).toMatchObject({ status: 200 });
    expect(await get(await presigned('a b/ü+1', expires).catch(() => '/a/b'))).toMatchObject({ status: 403 });
  });
});

test('a bucket with objects is not removed', async () => {
  const { buckets, s3 } = await world();
  expect(() => buckets.create(Bucket)).toThrow('BucketAlreadyOwnedByYou');
  expect(() => buckets.remove(Bucket)).toThrow('BucketNotEmpty');
  await s3.deleteObject({ Bucket, Key: 'a b/ü+1' });
  buckets.remove(Bucket);
  expect(() => buckets.remove(Bucket)).toThrow('NoSuchBucket');
});

test('a bucket is made and deleted by who may, and emptied of many objects at once', async () => {
  const { buckets, s3 } = await world();
  await s3.createBucket({ Bucket: 'made' });
  await expect(s3.createBucket({ Bucket: 'made' })).rejects.toMatchObject({ name: 'BucketAlreadyOwnedByYou' });
  const keys = ['a', 'b&<>"\'', 'c'];
  for (const key of keys) buckets.write('made', key, strToU8(key));
  await expect(s3.deleteBucket({ Bucket: 'made' })).rejects.toMatchObject({ name: 'BucketNotEmpty' });
  const Objects = [...keys.slice(0, 2), 'not there'].map((Key) => ({ Key }));
  const { Deleted } = await s3.deleteObjects({ Bucket: 'made', Delete: { Objects } });
  expect(Deleted).toEqual(Objects);
  expect((await s3.listObjectsV2({ Bucket: 'made' })).Contents).toMatchObject([{ Key: 'c', Size: 1 }]);
  await s3.deleteObject({ Bucket: 'made', Key: 'c' });
  await s3.deleteBucket({ Bucket: 'made' });
  await expect(s3.headBucket({ Bucket: 'made' })).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } });
});

test('what a stream has brought in pieces is one object, with what was written beside it', async () => {
  const { buckets, s3, config } = await world();
  const content = `of many pieces\r\n${'x'.repeat(100_000)}`;
  const server = await serve(
    createWire({ s3: buckets.service }, { principal: () => 'arn:aws:iam::111122223333:root' }),
  );
  const { requestHandler, ...overTheWire } = { ...config, endpoint: server.url };
  const streaming = new S3(overTheWire);
  const Metadata = { filesha256: 'a+b=' };
  const Body = Readable.from([content.slice(0, 10), content.slice(10)]);
  await streaming.putObject({ Bucket, Key: 'streamed', Body, ContentLength: content.length, Metadata });
  streaming.destroy();
  await server.close();
  expect(new TextDecoder().decode(buckets.read(Bucket, 'streamed'))).toBe(content);
  expect(await s3.headObject({ Bucket, Key: 'streamed' })).toMatchObject({ Metadata });
});

test('a bucket says where it is, and is addressed there', async () => {
  const { buckets, s3, config } = await world();
  buckets.create('far', 'us-west-2');
  expect(await s3.headBucket({ Bucket })).toMatchObject({ BucketRegion: 'eu-central-1' });
  await expect(s3.headBucket({ Bucket: 'none' })).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } });
  await expect(s3.headBucket({ Bucket: 'far' })).rejects.toMatchObject({ $metadata: { httpStatusCode: 301 } });
  const following = new S3({ ...config, followRegionRedirects: true });
  expect(await following.headBucket({ Bucket: 'far' })).toMatchObject({ BucketRegion: 'us-west-2' });
});

test('objects are listed by what their keys begin with, in the order of keys, by the page', async () => {
  const { buckets, s3 } = await world();
  for (const key of ['code/b', 'code/a&<>', 'code/c', 'other']) buckets.write(Bucket, key, strToU8(key));
  const pages: (string | undefined)[][] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket, Prefix: 'code/' }))
    pages.push(Contents.map(({ Key }) => Key));
  expect(pages).toEqual([['code/a&<>', 'code/b'], ['code/c']]);
  expect((await s3.listObjectsV2({ Bucket, Prefix: 'none' })).Contents).toBeUndefined();
});
