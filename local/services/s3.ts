import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { WireRequest, WireResponse } from '../wire/protocol.ts';
import type { RawService } from '../wire/wire.ts';

/** Buckets of S3: made by stacks, filled and read over the wire. */
export interface Buckets {
  create(name: string): void;
  /** Throws if objects are left in it. */
  remove(name: string): void;
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

/** The action that a method needs on an object's ARN. */
const ACTIONS = new Map([
  ['GET', 's3:GetObject'],
  ['HEAD', 's3:GetObject'],
  ['PUT', 's3:PutObject'],
  ['DELETE', 's3:DeleteObject'],
]);

/** S3 with its objects in memory: GET, HEAD, PUT and DELETE of an object by path-style address, signed or presigned. */
export function createBuckets(
  clock: Clock,
  allows: (accessKeyId: string, action: string, resource: string) => Promise<boolean> = async () => true,
): Buckets {
  const buckets = new Map<string, Map<string, StoredObject>>();

  async function respond(request: WireRequest, accessKeyId: string): Promise<WireResponse> {
    const { pathname } = new URL(request.url, 'http://s3');
    if (!isEncoded(pathname)) return failure(400, 'InvalidURI', "Couldn't parse the specified URI.");
    const [, bucket = '', ...path] = pathname.split('/').map(decodeURIComponent);
    const action = ACTIONS.get(request.method);
    if (!action) return failure(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.');
    const resource = `arn:aws:s3:::${bucket}/${path.join('/')}`;
    if (!(await allows(accessKeyId, action, resource)))
      return failure(
        403,
        'AccessDenied',
        `${accessKeyId} is not authorized to perform: ${action} on resource: ${resource}`,
      );
    const objects = buckets.get(bucket);
    if (!objects) return failure(404, 'NoSuchBucket', 'The specified bucket does not exist');
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
    const objects = buckets.get(name);
    if (!objects) throw new Error(`NoSuchBucket: there is no bucket ${name}`);
    return objects;
  }

  return {
    create(name) {
      if (buckets.has(name)) throw new Error(`BucketAlreadyOwnedByYou: there is a bucket ${name} already`);
      buckets.set(name, new Map());
    },
    remove(name) {
      if (objectsOf(name).size > 0)
        throw new Error(`BucketNotEmpty: The bucket ${name} you tried to delete is not empty`);
      buckets.delete(name);
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
