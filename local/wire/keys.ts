import { createHmac, randomBytes } from 'node:crypto';

/** What signs a request: https://docs.aws.amazon.com/IAM/latest/UserGuide/security-creds.html */
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
  const ofUser = (name: string): AccessKey => ({ accessKeyId: name, secretAccessKey: derived('user', name) });
  const ofRole = (name: string): AccessKey => ({
    accessKeyId: name,
    secretAccessKey: derived('role', name),
    sessionToken: derived('session', name),
  });

  return {
    ofUser,
    ofRole,
    /** Undefined if nobody has a key of this id, or not any more. */
    find(accessKeyId: string): AccessKey | undefined {
      if (roles.has(accessKeyId)) return ofRole(accessKeyId);
      return users.includes(accessKeyId) ? ofUser(accessKeyId) : undefined;
    },
  };
}
