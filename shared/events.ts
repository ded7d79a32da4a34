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

const heldBy = (detail: unknown) => {
  const { data } = lifecycleAction.safeParse(detail);
  return data && about(data.EC2InstanceId, `hook ${data.LifecycleHookName} holds ${data.EC2InstanceId}`);
};

const lastPart = (arn: string | undefined) => arn?.split('/').at(-1);

/** One reader for each kind of event: its own words for the log, or undefined if the detail is not what AWS documents. */
const readers = new Map<string, (detail: unknown, resource: string | undefined) => Told | undefined>([
  ['Scheduled Event', () => ({ cause: 'the minute', ids: [] })],
  [
    'EC2 Instance State-change Notification',
    (detail) => {
      const { data } = instanceState.safeParse(detail);
      return data && about(data['instance-id'], `${data['instance-id']} ${data.state}`);
    },
  ],
  [
    'Tag Change on Resource',
    (detail, resource) => {
      const { data } = tagChange.safeParse(detail);
      if (!data) return undefined;
      const cause = `tag ${data['changed-tag-keys'].join(', ')} of ${resource ?? 'a resource'}`;
      return { cause, ids: resource === undefined ? [] : [resource] };
    },
  ],
  [
    'EC2 Command Invocation Status-change Notification',
    (detail) => {
      const { data } = invocation.safeParse(detail);
      return data && about(data['instance-id'], `command on ${data['instance-id']} ${data.status}`);
    },
  ],
  ['EC2 Instance-launch Lifecycle Action', heldBy],
  ['EC2 Instance-terminate Lifecycle Action', heldBy],
  ...Object.entries(WARNINGS).map(([type, kind]): [string, (detail: unknown) => Told | undefined] => [
    type,
    (detail) => {
      const { data } = spotWarning.safeParse(detail);
      return data && about(data['instance-id'], `${kind} of ${data['instance-id']}`);
    },
  ]),
  [
    'AWS API Call via CloudTrail',
    (detail) => {
      const { data } = apiCall.safeParse(detail);
      return data && { cause: `${data.eventName} ${data.errorCode ?? 'done'}`, ids: [] };
    },
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
