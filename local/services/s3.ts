import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { WireRequest, WireResponse } from '../wire/protocol.ts';
import { readSignature } from '../wire/signature.ts';
import type { RawService } from '../wire/wire.ts';

/** S3 has buckets: stacks make them, and they are filled and read over the wire. */
export interface Buckets {
  has(name: string): boolean;
  create(name: string, region?: string): void;
  /** Throws if objects are left in it. */
  remove(name: string): void;
  /** @param headers which S3 answers with besides */
  write(bucket: string, key: string, content: Uint8Array, headers?: Record<string, string>): void;
  /** Throws if there is no such object. */
  read(bucket: string, key: string): Uint8Array;
  empty(name: string): void;
  service: RawService;
}

interface StoredObject {
  content: Uint8Array;
  /** The content's type, and what a person has written there: `x-amz-meta-…`. */
  headers: Record<string, string>;
  modified: number;
}

interface Bucket {
  region: string;
  objects: Map<string, StoredObject>;
}

/** S3's, where nobody says one. */
const TYPE = 'binary/octet-stream';

/** A method needs this action on an object's ARN. */
const ACTIONS = new Map([
  ['GET', 's3:GetObject'],
  ['HEAD', 's3:GetObject'],
  ['PUT', 's3:PutObject'],
  ['DELETE', 's3:DeleteObject'],
]);

/** The same of a bucket, and of what is in it. */
const OF_BUCKET = new Map([
  ['GET', 's3:ListBucket'],
  ['HEAD', 's3:ListBucket'],
  ['PUT', 's3:CreateBucket'],
  ['DELETE', 's3:DeleteBucket'],
]);

const NO_CONTENT = { status: 204, headers: {}, body: '' };

/**
 * S3 has its objects in memory, by path-style addresses: GET, HEAD, PUT and DELETE of an object, signed or presigned, and of a bucket,
 * whose objects can be deleted many at a time.
 * @param home the region in which buckets are made
 */
export function createBuckets(
  clock: Clock,
  allows: (accessKeyId: string, action: string, resource: string) => Promise<boolean> = async () => true,
  home = 'eu-central-1',
): Buckets {
  const buckets = new Map<string, Bucket>();

  async function respond(request: WireRequest, accessKeyId: string): Promise<WireResponse> {
    const { pathname, search } = new URL(request.url, 'http://s3');
    if (!isEncoded(pathname)) return failure(400, 'InvalidURI', "Couldn't parse the specified URI.");
    const [, bucket = '', ...path] = pathname.split('/').map(decodeURIComponent);
    const ofBucket = path.join('/') === '';
    const deletes = ofBucket && request.method === 'POST' && /^\?delete(=|$)/.test(search);
    const action = deletes ? 's3:DeleteObject' : (ofBucket ? OF_BUCKET : ACTIONS).get(request.method);
    if (!action) return failure(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.');
    // A signature, what an SDK says of itself, and headers of the answer are about the object itself.
    const [part] = [...new URLSearchParams(search).keys()].filter((name) => !/^(x-id$|x-amz-|response-)/i.test(name));
    if (!ofBucket && part) return failure(501, 'NotImplemented', `of an object the local cloud keeps no ${part}`);
    const resource = `arn:aws:s3:::${bucket}${deletes ? '/*' : ofBucket ? '' : `/${path.join('/')}`}`;
    if (!(await allows(accessKeyId, action, resource)))
      return failure(
        403,
        'AccessDenied',
        `${accessKeyId} is not authorized to perform: ${action} on resource: ${resource}`,
      );
    const found = buckets.get(bucket);
    const [, asked] = readSignature(request)?.scope ?? [];
    if (ofBucket && request.method === 'PUT') {
      if (search) return failure(501, 'NotImplemented', 'of a bucket the local cloud keeps no configuration');
      if (bucket === '') return failure(400, 'InvalidBucketName', 'The specified bucket is not valid.');
      if (found) return failure(409, 'BucketAlreadyOwnedByYou', 'You already own a bucket of this name.');
      buckets.set(bucket, { region: asked ?? home, objects: new Map() });
      return { status: 200, headers: { location: `/${bucket}` }, body: '' };
    }
    if (!found) return failure(404, 'NoSuchBucket', 'The specified bucket does not exist');
    const { region, objects } = found;
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingRouting.html, …/API/API_HeadBucket.html
    const headers = { 'x-amz-bucket-region': region };
    if (asked !== undefined && asked !== region) {
      const refusal = failure(301, 'PermanentRedirect', 'The bucket must be addressed by the endpoint of its region.');
      return { ...refusal, headers: { ...refusal.headers, ...headers } };
    }
    if (deletes) return deleteMany(objects, request);
    if (ofBucket && request.method === 'DELETE') {
      if (objects.size > 0) return failure(409, 'BucketNotEmpty', 'The bucket you tried to delete is not empty');
      buckets.delete(bucket);
      return NO_CONTENT;
    }
    if (ofBucket)
      return request.method === 'HEAD' ? { status: 200, headers, body: '' } : list(bucket, objects, request);
    const key = path.join('/');
    if (request.method === 'PUT') return put(objects, key, request);
    if (request.method === 'DELETE') {
      objects.delete(key);
      return NO_CONTENT;
    }
    const object = objects.get(key);
    return object ? { status: 200, ...shape(object) } : failure(404, 'NoSuchKey', 'The specified key does not exist.');
  }

  function put(objects: Map<string, StoredObject>, key: string, { headers, body }: WireRequest): WireResponse {
    const content = headers['content-encoding']?.includes('aws-chunked') ? unchunked(body) : body;
    const kept = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'));
    const described = { 'content-type': headers['content-type'] ?? TYPE, ...Object.fromEntries(kept) };
    const object = { content, headers: described, modified: clock.now() };
    objects.set(key, object);
    return { status: 200, headers: { etag: etag(object) }, body: '' };
  }

  function objectsOf(name: string): Map<string, StoredObject> {
    const bucket = buckets.get(name);
    if (!bucket) throw new Error(`NoSuchBucket: there is no bucket ${name}`);
    return bucket.objects;
  }

  return {
    has: (name) => buckets.has(name),
    create(name, region = home) {
      if (buckets.has(name)) throw new Error(`BucketAlreadyOwnedByYou: there is a bucket ${name} already`);
      buckets.set(name, { region, objects: new Map() });
    },
    remove(name) {
      if (objectsOf(name).size > 0)
        throw new Error(`BucketNotEmpty: The bucket ${name} you tried to delete is not empty`);
      buckets.delete(name);
    },
    write(bucket, key, content, headers = {}) {
      objectsOf(bucket).set(key, { content, headers: { 'content-type': TYPE, ...headers }, modified: clock.now() });
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
  const contents = page.flatMap((key) => {
    const object = objects.get(key);
    if (!object) return [];
    const { content, modified } = object;
    return `<Contents><Key>${escaped(key)}</Key><LastModified>${new Date(modified).toISOString()}</LastModified><ETag>${escaped(etag(object))}</ETag><Size>${content.length}</Size></Contents>`;
  });
  const body = `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>${name}</Name><Prefix>${escaped(prefix)}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>${most}</MaxKeys><IsTruncated>${next !== ''}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`;
  return { status: 200, headers: { 'content-type': 'application/xml' }, body };
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html. Of a key that is not there it is none the wiser. */
function deleteMany(objects: Map<string, StoredObject>, { body }: WireRequest): WireResponse {
  const keys = [...new TextDecoder().decode(body).matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key = '']) => unescaped(key));
  for (const key of keys) objects.delete(key);
  const deleted = keys.map((key) => `<Deleted><Key>${escaped(key)}</Key></Deleted>`).join('');
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?><DeleteResult>${deleted}</DeleteResult>`,
  };
}

/**
 * A stream's content, of the pieces that it is sent in: each with its length before it, the last one empty, before its checksum.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
function unchunked(body: Uint8Array): Uint8Array {
  const pieces: Uint8Array[] = [];
  const bytes = Buffer.from(body);
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
    if (end < 0 || !(size > 0)) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const unescaped = (text: string) =>
  text.replace(/&(?:#x([0-9a-f]+)|(\w+));/gi, (whole, code, name) =>
    code ? String.fromCodePoint(Number.parseInt(code, 16)) : (ENTITIES[name] ?? whole),
  );
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
    ...object.headers,
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
