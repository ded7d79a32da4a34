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

type Told = Omit<Hint, 'at'>;
const about = (id: string, cause: string): Told => ({ cause, ids: [id] });

const event = <Detail extends z.ZodType>(types: string[], detail: Detail) =>
  z.object({ 'detail-type': z.literal(types), detail, resources: z.array(z.string()).default([]) });

const instance = z.object({ 'instance-id': z.string() });

const warning =
  (kind: NonNullable<Hint['warning']>['kind']) =>
  ({ detail: { 'instance-id': id } }: { detail: z.infer<typeof instance> }): Told => ({
    ...about(id, `${kind} of ${id}`),
    warning: { instanceId: id, kind },
  });

/** Events of these kinds wake a reconciler, each with its own words for the log. */
const told = z.discriminatedUnion('detail-type', [
  event(['Scheduled Event'], z.unknown()).transform((): Told => ({ cause: 'the minute', ids: [] })),
  event(['EC2 Instance State-change Notification'], instance.extend({ state: z.string() })).transform(
    ({ detail: { 'instance-id': id, state } }) => about(id, `${id} ${state}`),
  ),
  event(['EC2 Command Invocation Status-change Notification'], instance.extend({ status: z.string() })).transform(
    ({ detail: { 'instance-id': id, status } }) => about(id, `command on ${id} ${status}`),
  ),
  event(
    ['EC2 Instance-launch Lifecycle Action', 'EC2 Instance-terminate Lifecycle Action'],
    z.object({ EC2InstanceId: z.string(), LifecycleHookName: z.string() }),
  ).transform(({ detail: { EC2InstanceId: id, LifecycleHookName: hook } }) => about(id, `hook ${hook} holds ${id}`)),
  event(['EC2 Spot Instance Interruption Warning'], instance).transform(warning('interruption')),
  event(['EC2 Instance Rebalance Recommendation'], instance).transform(warning('rebalance')),
  event(['Tag Change on Resource'], z.object({ 'changed-tag-keys': z.array(z.string()) })).transform(
    ({ detail: { 'changed-tag-keys': keys }, resources: [arn] }): Told => {
      const ids = arn?.split('/').slice(-1) ?? [];
      return { cause: `tag ${keys.join(', ')} of ${ids[0] ?? 'a resource'}`, ids };
    },
  ),
  event(
    ['AWS API Call via CloudTrail'],
    z.object({
      eventName: z.string(),
      errorCode: z.string().default('done'),
      requestParameters: z.object({ subnetId: z.string() }).optional().catch(undefined),
    }),
  ).transform(({ detail: { eventName, errorCode, requestParameters } }): Told => {
    const isAttempt = eventName === 'DeleteSubnet' && errorCode === 'Client.DependencyViolation' && requestParameters;
    return {
      ...{ cause: `${eventName} ${errorCode}`, ids: [] },
      ...(isAttempt && { deletionAttempted: requestParameters.subnetId }),
    };
  }),
]);
const hint = z.object({ time: z.iso.datetime({ offset: true }).transform(Date.parse) }).and(told);

/** Reads an EventBridge event. Undefined for anything else: an unknown event is dropped, never an error to retry. */
export function parseHint(event: unknown): Hint | undefined {
  const { data } = hint.safeParse(event);
  if (!data) return undefined;
  const { time: at, ...rest } = data;
  return { at, ...rest };
}
