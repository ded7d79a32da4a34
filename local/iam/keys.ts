import { createHmac, randomBytes } from 'node:crypto';
import { isSame } from '../wire/compare.ts';

/** Credentials sign a request: https://docs.aws.amazon.com/IAM/latest/UserGuide/security-creds.html */
export interface AccessKey {
  accessKeyId: string;
  secretAccessKey: string;
  /** Only of who has taken on a role. */
  sessionToken?: string;
}

export type Keys = ReturnType<typeof createKeys>;

/**
 * IAM's access keys. An id is the name of its user or role; the secret follows from it by one that nobody has outside of
 * this process, and that is another one at each start.
 * @param roles by name, as they are at the moment
 */
export function createKeys(users: readonly string[], roles: ReadonlyMap<string, unknown>) {
  const ours = randomBytes(32);
  const derived = (what: string, name: string) => createHmac('sha256', ours).update(`${what} ${name}`).digest('base64');
  /** So many sessions of a role have ended. */
  const ended = new Map<string, number>();
  const token = (name: string, number: number) => derived('session', `${name} ${number}`);
  const ofUser = (name: string): AccessKey => ({ accessKeyId: name, secretAccessKey: derived('user', name) });
  const ofRole = (name: string): AccessKey => ({
    accessKeyId: name,
    secretAccessKey: derived('role', name),
    sessionToken: token(name, ended.get(name) ?? 0),
  });

  return {
    ofUser,
    ofRole,
    /** Ends the session that the role has, by its time: the next one bears another token, and what this one signed is void. */
    endSession: (role: string) => void ended.set(role, (ended.get(role) ?? 0) + 1),
    hasEnded: (role: string, sessionToken: string) =>
      Array.from({ length: ended.get(role) ?? 0 }, (_, number) => token(role, number)).some((one) =>
        isSame(one, sessionToken),
      ),
    /** Undefined if nobody has a key of this id, or not any more. */
    find(accessKeyId: string): AccessKey | undefined {
      if (roles.has(accessKeyId)) return ofRole(accessKeyId);
      return users.includes(accessKeyId) ? ofUser(accessKeyId) : undefined;
    },
  };
}
