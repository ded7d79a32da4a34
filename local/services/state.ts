/** The cloud keeps everything that is so in it as data: each service's `records.ts` declares its own. Records keep the order of their creation. */
export interface CloudState {
  /** Tags by resource id or, for load balancing, ARN. */
  readonly tags: Map<string, Map<string, string>>;
}
