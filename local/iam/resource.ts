/** A resource as IAM sees it. */
export interface AuthorizedResource {
  arn: string;
  tags: ReadonlyMap<string, string>;
  /** Policies may ask this about it besides, by condition key. */
  keys: Readonly<Record<string, string>>;
  /** The instance that an interface belongs to. */
  attachedTo?: AuthorizedResource | undefined;
}

/** Finds the resource that a member of a request names, whether it exists or not; undefined if it names none. */
export type FindResource = (member: string, value: string) => AuthorizedResource | undefined;
