import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { WireRequest, WireResponse } from '../wire/protocol.ts';
import { readSignature } from '../wire/signature.ts';
import type { RawService } from '../wire/wire.ts';

/** Buckets of S3: made by stacks, filled and read over the wire. */
export interface Buckets {
  create(name: string, region?: string): void;
  /** Throws if objects are left in it. */
  remove(name: string): void;
  write(bucket: string, key: string, content: Uint8Array): void;
  /** Throws if there is no such object. */
  read(bucket: string, key: string): Uint8Array;
  empty(name: string): void;
  service: RawService;
}

interface StoredObject {
  content: Uint8Array;
  contentType: string;
  modified: number;
}

interface Bucket {
  region: string;
  objects: Map<string, StoredObject>;
}

/** The action that a method needs on an object's ARN. */
const ACTIONS = new Map([
  ['GET', 's3:GetObject'],
  ['HEAD', 's3:GetObject'],
  ['PUT', 's3:PutObject'],
  ['DELETE', 's3:DeleteObject'],
]);

/**
 * S3 with its objects in memory: GET, HEAD, PUT and DELETE of an object by path-style address, signed or presigned; HEAD and a list of a bucket.
 * @param home the region in which buckets are made
 */
export function createBuckets(
  clock: Clock,
  allows: (accessKeyId: string, action: string, resource: string) => Promise<boolean> = async () => true,
  home = 'eu-central-1',
): Buckets {
  const buckets = new Map<string, Bucket>();

  async function respond(request: WireRequest, accessKeyId: string): Promise<WireResponse> {
    const { pathname } = new URL(request.url, 'http://s3');
    if (!isEncoded(pathname)) return failure(400, 'InvalidURI', "Couldn't parse the specified URI.");
    const [, bucket = '', ...path] = pathname.split('/').map(decodeURIComponent);
    const ofBucket = path.join('/') === '' && (request.method === 'GET' || request.method === 'HEAD');
    const action = ofBucket ? 's3:ListBucket' : ACTIONS.get(request.method);
    if (!action) return failure(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.');
    const resource = `arn:aws:s3:::${bucket}${ofBucket ? '' : `/${path.join('/')}`}`;
    if (!(await allows(accessKeyId, action, resource)))
      return failure(
        403,
        'AccessDenied',
        `${accessKeyId} is not authorized to perform: ${action} on resource: ${resource}`,
      );
    const found = buckets.get(bucket);
    if (!found) return failure(404, 'NoSuchBucket', 'The specified bucket does not exist');
    const { region, objects } = found;
    const [, asked = region] = readSignature(request)?.scope ?? [];
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingRouting.html, …/API/API_HeadBucket.html
    const headers = { 'x-amz-bucket-region': region };
    if (asked !== region) {
      const refusal = failure(301, 'PermanentRedirect', 'The bucket must be addressed by the endpoint of its region.');
      return { ...refusal, headers: { ...refusal.headers, ...headers } };
    }
    if (ofBucket)
      return request.method === 'HEAD' ? { status: 200, headers, body: '' } : list(bucket, objects, request);
    const key = path.join('/');
    if (request.method === 'PUT') return put(objects, key, request);
    if (request.method === 'DELETE') {
      objects.delete(key);
      return { status: 204, headers: {}, body: '' };
    }
    const object = objects.get(key);
    return object ? { status: 200, ...shape(object) } : failure(404, 'NoSuchKey', 'The specified key does not exist.');
  }

  function put(objects: Map<string, StoredObject>, key: string, { headers, body }: WireRequest): WireResponse {
    if (headers['content-encoding']?.includes('aws-chunked')) {
      return failure(501, 'NotImplemented', 'the local cloud takes an object whole: send a buffer, not a stream');
    }
    const contentType = headers['content-type'] ?? 'binary/octet-stream';
    const object = { content: body, contentType, modified: clock.now() };
    objects.set(key, object);
    return { status: 200, headers: { etag: etag(object) }, body: '' };
  }

  function objectsOf(name: string): Map<string, StoredObject> {
    const bucket = buckets.get(name);
    if (!bucket) throw new Error(`NoSuchBucket: there is no bucket ${name}`);
    return bucket.objects;
  }

  return {
    create(name, region = home) {
      if (buckets.has(name)) throw new Error(`BucketAlreadyOwnedByYou: there is a bucket ${name} already`);
      buckets.set(name, { region, objects: new Map() });
    },
    remove(name) {
      if (objectsOf(name).size > 0)
        throw new Error(`BucketNotEmpty: The bucket ${name} you tried to delete is not empty`);
      buckets.delete(name);
    },
    write(bucket, key, content) {
      objectsOf(bucket).set(key, { content, contentType: 'binary/octet-stream', modified: clock.now() });
    },
    read(bucket, key) {
      const object = objectsOf(bucket).get(key);
      if (!object) throw new Error(`NoSuchKey: there is no object ${key} in bucket ${bucket}`);
      return object.content;
    },
    empty: (name) => objectsOf(name).clear(),
    service: {
      kind: 'raw',
      protocol: 'restXml',
      handle: (request, { accessKeyId }) => respond(request, accessKeyId),
      fail: ({ status, code, message }) => failure(status, code, message),
    },
  };
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
function list(name: string, objects: Map<string, StoredObject>, { url }: WireRequest): WireResponse {
  const query = new URL(url, 'http://s3').searchParams;
  if (query.get('list-type') !== '2')
    return failure(
      501,
      'NotImplemented',
      'of a bucket the local cloud lists objects, by ListObjectsV2, and nothing else',
    );
  const [prefix, after] = [
    query.get('prefix') ?? '',
    query.get('continuation-token') ?? query.get('start-after') ?? '',
  ];
  const most = Math.min(Number(query.get('max-keys') ?? 1000), 1000);
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  const page = keys.slice(0, most);
  const next =
    keys.length > page.length ? `<NextContinuationToken>${escaped(page.at(-1) ?? '')}</NextContinuationToken>` : '';
  const contents = page.map(
    (key) => `<Contents><Key>${escaped(key)}</Key><Size>${objects.get(key)?.content.length}</Size></Contents>`,
  );
  const body = `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>${name}</Name><Prefix>${escaped(prefix)}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>${most}</MaxKeys><IsTruncated>${next !== ''}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`;
  return { status: 200, headers: { 'content-type': 'application/xml' }, body };
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function isEncoded(path: string): boolean {
  try {
    return decodeURIComponent(path) !== undefined;
  } catch {
    return false;
  }
}

function shape(object: StoredObject): Pick<WireResponse, 'headers' | 'body'> {
  const headers = {
    'content-type': object.contentType,
    'last-modified': new Date(object.modified).toUTCString(),
    etag: etag(object),
  };
  return { headers, body: object.content };
}

const etag = ({ content }: StoredObject) => `"${createHash('md5').update(content).digest('hex')}"`;

function failure(status: number, code: string, message: string): WireResponse {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}
