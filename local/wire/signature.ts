import { createHash, createHmac } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { isSame } from './compare.ts';
import { AwsError } from './errors.ts';
import type { ProtocolName, WireRequest } from './protocol.ts';

/** Signature Version 4, as a request bears it: in a header, or in the address of a presigned link. */
export interface Signature {
  accessKeyId: string;
  /** The credential scope: the day, region, service and `aws4_request`. */
  scope: string[];
  service: string;
  signedHeaders: string[];
  signature: string;
  /** The time of the request, as in `20260115T100000Z`. */
  signedAt: string;
  token: string | undefined;
  /** Seconds, of a presigned link. */
  expires: string | undefined;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const MINUTE = 60_000;
/**
 * S3's; most services allow five minutes. A client's clock is this machine's until it has seen the date of an answer, and
 * then the cloud's, which may run a minute ahead in a second.
 */
const SKEW = 15 * MINUTE;
/** Seconds: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html */
const LONGEST_EXPIRY = 7 * 24 * 3600;

/** Undefined if the request is not signed. What a signature lacks is an empty text. */
export function readSignature({ headers, url }: WireRequest): Signature | undefined {
  const query = queryOf(url);
  const signed = headers.authorization?.startsWith(`${ALGORITHM} `);
  if (!signed && query.get('X-Amz-Algorithm') !== ALGORITHM) return undefined;
  const inHeader = (name: string) => new RegExp(`[ ,]${name}=([^,\\s]+)`).exec(headers.authorization ?? '')?.[1] ?? '';
  const part = (name: string) => (signed ? inHeader(name) : (query.get(`X-Amz-${name}`) ?? ''));
  const [accessKeyId = '', ...scope] = part('Credential').split('/');
  return {
    accessKeyId,
    scope,
    service: scope[2] ?? '',
    signedHeaders: part('SignedHeaders').split(';'),
    signature: part('Signature'),
    signedAt: (signed ? headers['x-amz-date'] : query.get('X-Amz-Date')) ?? '',
    token: (signed ? headers['x-amz-security-token'] : query.get('X-Amz-Security-Token')) ?? undefined,
    expires: signed ? undefined : (query.get('X-Amz-Expires') ?? ''),
  };
}

/** Throws as the service does if a request is not signed by whom it says, or not now. */
export type Authenticate = (request: WireRequest, signature: Signature, service: { protocol: ProtocolName }) => void;

/** IAM has these keys, by their ids. */
interface SigningKeys {
  find(accessKeyId: string): { secretAccessKey: string; sessionToken?: string } | undefined;
  /** True if a session of a role had this token. */
  hasEnded(accessKeyId: string, sessionToken: string): boolean;
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
export function createAuthentication(keys: SigningKeys, clock: Pick<Clock, 'now'>): Authenticate {
  return (request, signature, service) => {
    const why = refusal(request, signature);
    if (why) throw new AwsError(...WORDS[service.protocol][why]);
  };

  function refusal(request: WireRequest, signature: Signature): Refusal | undefined {
    const key = keys.find(signature.accessKeyId);
    // A session's key and token are good together only.
    if (!key || !isSame(signature.token ?? '', key.sessionToken ?? ''))
      return keys.hasEnded(signature.accessKeyId, signature.token ?? '') ? 'session' : 'key';
    const right = coversAll(request, signature) ? sign(request, signature, key.secretAccessKey) : undefined;
    if (right === undefined || !isSame(signature.signature, right)) return 'signature';
    return isTimely(signature) ? undefined : signature.expires === undefined ? 'time' : 'expired';
  }

  function isTimely({ signedAt, expires }: Signature): boolean {
    const at = instant(signedAt);
    const now = clock.now();
    if (expires === undefined) return [now, Date.now()].some((time) => Math.abs(time - at) <= SKEW);
    const seconds = /^\d+$/.test(expires) ? Number(expires) : Number.NaN;
    return seconds <= LONGEST_EXPIRY && at - SKEW <= now && now <= at + seconds * 1000;
  }
}

type Refusal = 'key' | 'session' | 'signature' | 'time' | 'expired';
type Words = ConstructorParameters<typeof AwsError>;

const MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';
const INVALID_TOKEN = 'The security token included in the request is invalid.';
const ENDED = 'The security token included in the request is expired';
const EXPIRED = 'Signature expired: it was not made in the last minutes of the time that this answer bears.';
const LINK_EXPIRED: Words = ['AccessDenied', 'Request has expired', 403];

/** Each protocol has its own words: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html */
const WORDS: Record<ProtocolName, Record<Refusal, Words>> = {
  ec2Query: {
    key: ['AuthFailure', 'AWS was not able to validate the provided access credentials', 401],
    session: ['RequestExpired', 'Request has expired.'],
    signature: ['SignatureDoesNotMatch', MISMATCH, 403],
    time: ['RequestExpired', 'Request has expired.'],
    expired: LINK_EXPIRED,
  },
  awsQuery: {
    key: ['InvalidClientTokenId', INVALID_TOKEN, 403],
    session: ['ExpiredToken', ENDED, 403],
    signature: ['SignatureDoesNotMatch', MISMATCH, 403],
    time: ['SignatureDoesNotMatch', EXPIRED, 403],
    expired: LINK_EXPIRED,
  },
  awsJson1_1: {
    key: ['UnrecognizedClientException', INVALID_TOKEN],
    session: ['ExpiredTokenException', ENDED],
    signature: ['InvalidSignatureException', MISMATCH],
    time: ['InvalidSignatureException', EXPIRED],
    expired: LINK_EXPIRED,
  },
  restJson1: {
    key: ['UnrecognizedClientException', INVALID_TOKEN, 403],
    session: ['ExpiredTokenException', ENDED, 403],
    signature: ['InvalidSignatureException', MISMATCH, 403],
    time: ['InvalidSignatureException', EXPIRED, 403],
    expired: LINK_EXPIRED,
  },
  restXml: {
    key: ['InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.', 403],
    session: ['ExpiredToken', 'The provided token has expired.'],
    signature: ['SignatureDoesNotMatch', MISMATCH, 403],
    time: ['RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.', 403],
    expired: LINK_EXPIRED,
  },
};

/** The host and what is for AWS must be signed, or whoever has a signed request could say something else with it. */
function coversAll({ headers }: WireRequest, { signedHeaders }: Signature): boolean {
  const read = Object.keys(headers).filter((name) => name.startsWith('x-amz-'));
  return ['host', ...read].every((name) => signedHeaders.includes(name));
}

/** Undefined if the scope is none that a signature can have. */
function sign(
  request: WireRequest,
  { scope, service, signedHeaders, signedAt }: Signature,
  secret: string,
): string | undefined {
  const [day = '', region = '', , terminator = ''] = scope;
  if (scope.length !== 4 || terminator !== 'aws4_request' || !signedAt.startsWith(`${day}T`)) return undefined;
  const canonical = [
    request.method,
    canonicalPath(request.url, service),
    canonicalQuery(request.url),
    ...signedHeaders.map((name) => `${name}:${(request.headers[name] ?? '').trim().replace(/\s+/g, ' ')}`),
    '',
    signedHeaders.join(';'),
    bodyHash(request, service),
  ].join('\n');
  const text = [ALGORITHM, signedAt, scope.join('/'), sha256(canonical)].join('\n');
  const key = [day, region, service, terminator].reduce<string | Buffer>(
    (bytes, part) => createHmac('sha256', bytes).update(part).digest(),
    `AWS4${secret}`,
  );
  return createHmac('sha256', key).update(text).digest('hex');
}

/** S3 takes the path as it is; the others have it without dots and double slashes, and encode it once more. */
function canonicalPath(url: string, service: string): string {
  const [path = ''] = url.split('?', 1);
  if (service === 's3') return path;
  const parts: string[] = [];
  for (const part of path.split('/'))
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(encoded(part));
  return `/${parts.join('/')}${parts.length > 0 && path.endsWith('/') ? '/' : ''}`;
}

function canonicalQuery(url: string): string {
  return [...queryOf(url)]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&');
}

/** S3 may be told that the body is not signed, or is signed piece by piece. */
function bodyHash({ headers, url, body }: WireRequest, service: string): string {
  const said = headers['x-amz-content-sha256'] ?? '';
  if (service !== 's3') return sha256(body);
  if (queryOf(url).has('X-Amz-Signature')) return 'UNSIGNED-PAYLOAD';
  return /^(UNSIGNED-PAYLOAD$|STREAMING-)/.test(said) ? said : sha256(body);
}

const queryOf = (url: string) => new URLSearchParams(url.split('?').slice(1).join('?'));
const encoded = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');

function instant(text: string): number {
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  const [year, month, day, hour, minute, second] = parts.map(Number);
  if (year === undefined || month === undefined) return Number.NaN;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
