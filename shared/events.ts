import * as z from 'zod';

/** An event wakes a reconciler. It is a hint only: what to do is read from AWS, never from it. */
export interface Hint {
  /** It happened then, in milliseconds since the epoch. */
  at: number;
  /** The log tells by this which event it was, about what. */
  cause: string;
  /** Ids of what it is about, as far as it names them. */
  ids: string[];
  /** A subnet that someone tried to delete, in vain: something still stood in it. No look at AWS would show that. */
  deletionAttempted?: string;
  /** AWS will take an instance back: no look at AWS would show that either. */
  warning?: { instanceId: string; kind: 'interruption' | 'rebalance' };
}

const envelope = z.object({
  time: z.iso.datetime({ offset: true }),
  'detail-type': z.string(),
  resources: z.array(z.string()).default([]),
  detail: z.unknown(),
});

const instanceState = z.object({ 'instance-id': z.string(), state: z.string() });
const tagChange = z.object({ 'changed-tag-keys': z.array(z.string()) });
const apiCall = z.object({ eventName: z.string(), errorCode: z.string().optional() });
const refusedDelete = z.object({
  eventName: z.literal('DeleteSubnet'),
  errorCode: z.literal('Client.DependencyViolation'),
  requestParameters: z.object({ subnetId: z.string() }),
});
const lifecycleAction = z.object({ EC2InstanceId: z.string(), LifecycleHookName: z.string() });
const spotWarning = z.object({ 'instance-id': z.string() });
const invocation = z.object({ 'instance-id': z.string(), status: z.string() });

const WARNINGS: Record<string, NonNullable<Hint['warning']>['kind']> = {
  'EC2 Spot Instance Interruption Warning': 'interruption',
  'EC2 Instance Rebalance Recommendation': 'rebalance',
};

type Told = Pick<Hint, 'cause' | 'ids'>;
const about = (id: string, cause: string): Told => ({ cause, ids: [id] });

type Reader = (detail: unknown, resource: string | undefined) => Told | undefined;

/** Undefined if the detail is not what AWS documents. */
const reader =
  <Schema extends z.ZodType>(
    schema: Schema,
    tell: (detail: z.output<Schema>, resource: string | undefined) => Told,
  ): Reader =>
  (detail, resource) => {
    const { success, data } = schema.safeParse(detail);
    return success ? tell(data, resource) : undefined;
  };

const heldBy = reader(lifecycleAction, ({ EC2InstanceId: id, LifecycleHookName: hook }) =>
  about(id, `hook ${hook} holds ${id}`),
);

const lastPart = (arn: string | undefined) => arn?.split('/').at(-1);

/** Readers of the kinds of events, each with its own words for the log. */
const readers = new Map<string, Reader>([
  ['Scheduled Event', () => ({ cause: 'the minute', ids: [] })],
  [
    'EC2 Instance State-change Notification',
    reader(instanceState, ({ 'instance-id': id, state }) => about(id, `${id} ${state}`)),
  ],
  [
    'Tag Change on Resource',
    reader(tagChange, ({ 'changed-tag-keys': keys }, resource) => ({
      cause: `tag ${keys.join(', ')} of ${resource ?? 'a resource'}`,
      ids: resource === undefined ? [] : [resource],
    })),
  ],
  [
    'EC2 Command Invocation Status-change Notification',
    reader(invocation, ({ 'instance-id': id, status }) => about(id, `command on ${id} ${status}`)),
  ],
  ['EC2 Instance-launch Lifecycle Action', heldBy],
  ['EC2 Instance-terminate Lifecycle Action', heldBy],
  ...Object.entries(WARNINGS).map(([type, kind]): [string, Reader] => [
    type,
    reader(spotWarning, ({ 'instance-id': id }) => about(id, `${kind} of ${id}`)),
  ]),
  [
    'AWS API Call via CloudTrail',
    reader(apiCall, ({ eventName, errorCode = 'done' }) => ({ cause: `${eventName} ${errorCode}`, ids: [] })),
  ],
]);

/** Reads an EventBridge event. Undefined for anything else: an unknown event is dropped, never an error to retry. */
export function parseHint(event: unknown): Hint | undefined {
  const { data } = envelope.safeParse(event);
  if (!data) return undefined;
  const told = readers.get(data['detail-type'])?.(data.detail, lastPart(data.resources[0]));
  if (!told) return undefined;
  const deletionAttempted = refusedDelete.safeParse(data.detail).data?.requestParameters.subnetId;
  const kind = WARNINGS[data['detail-type']];
  const warned = spotWarning.safeParse(data.detail).data?.['instance-id'];
  return {
    at: Date.parse(data.time),
    ...told,
    ...(deletionAttempted !== undefined && { deletionAttempted }),
    ...(kind && warned !== undefined && { warning: { instanceId: warned, kind } }),
  };
}
