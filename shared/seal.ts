import { createHmac, timingSafeEqual } from 'node:crypto';

/** Tags are anybody's to write who has ec2:CreateTags. What the functions write there is known for theirs by a seal: its last word. */
export interface Seal {
  /** A value as it is to stand in the tag `key` of `resource`. */
  sign(resource: string, key: string, text: string): string;
  read: Reader;
  /** The stack got its key then, in milliseconds since the epoch: what it wrote before has no seal. */
  since: number;
}

/** A reader of seals tells whose word a note is. */
export type Notary = Pick<Seal, 'read' | 'since'>;

/** A tag's text without its seal, and whose word that is. */
export type Reader = (resource: string, key: string, value: string) => Readonly<{ text: string; by: Author }>;

/** `before`: by a key that is on its way out. `other`: without a seal, or with one that is not for this. */
export type Author = 'us' | 'before' | 'other';

/** A stack stands there: a seal of one is none of another. */
export interface Scope {
  partition: string;
  region: string;
  account: string;
  stack: string;
  /** It may be given another one, and somebody its notes the new key: then they are still its own. */
  tagKey: string;
}

/** A seal takes so many bytes, for a tag's value has 256 characters. */
const MAC_BYTES = 16;
/** So many notes a process remembers: more than 500 subnets and 300 routers have, in a megabyte. */
const NOTES_KNOWN = 5_000;
const SEALED = /^(.*) v(\d+)\.([\w-]{22})$/s;

/** @param keys by version: the greatest signs, all are believed */
export function createSeal(keys: ReadonlyMap<number, Uint8Array>, scope: Scope, since: number): Seal {
  const newest = Math.max(...keys.keys());

  function mac(version: number, resource: string, key: string, text: string): Buffer | undefined {
    const secret = keys.get(version);
    if (!secret) return undefined;
    const { partition, region, account, stack, tagKey } = scope;
    const name = key.startsWith(`${tagKey}:`) ? key.slice(tagKey.length + 1) : key;
    // A list, as JSON has it, can be read in one way only.
    const message = JSON.stringify(['ziti-glb', version, partition, region, account, stack, resource, name, text]);
    return createHmac('sha256', secret).update(message).digest().subarray(0, MAC_BYTES);
  }

  function verify(resource: string, key: string, value: string): ReturnType<Reader> {
    const { text, version, given } = taken(value);
    const right = mac(version, resource, key, text);
    if (!right || !timingSafeEqual(right, Buffer.from(given, 'base64url'))) return { text, by: 'other' };
    return { text, by: version === newest ? 'us' : 'before' };
  }
  /** Notes at rest are the same in each pass: what a process has verified once it knows. */
  const verified = new Map<string, ReturnType<Reader>>();

  return {
    sign: (resource, key, text) =>
      `${text} v${newest}.${mac(newest, resource, key, text)?.toString('base64url')}`.trimStart(),
    read(resource, key, value) {
      const note = JSON.stringify([resource, key, value]);
      const known = verified.get(note) ?? verify(resource, key, value);
      if (verified.size >= NOTES_KNOWN) verified.clear();
      verified.set(note, known);
      return known;
    },
    since,
  };
}

/** Reads notes without the key, which only the functions have: those with a seal are taken for theirs, unverified. */
export const unverified: Notary = {
  read(_resource, _key, value) {
    const { text, given } = taken(value);
    return { text, by: given === '' ? 'other' : 'us' };
  },
  since: 0,
};

function taken(value: string): { text: string; version: number; given: string } {
  const [, text, version, given] = SEALED.exec(` ${value}`) ?? [];
  if (text === undefined || given === undefined) return { text: value, version: 0, given: '' };
  return { text: text.trimStart(), version: Number(version), given };
}

/** A note is the functions' own by either key. */
export const isOwn = (by: Author) => by === 'us' || by === 'before';

/** Notes of before the key have no seal: so long those are believed of which the world says the same, and get one. */
const ADOPTION_MS = 60 * 60_000;

/** Notes without our seal may still be of the time before the key. */
export const adopts = ({ since }: Pick<Seal, 'since'>, now: number) => now - since < ADOPTION_MS;
