import type { CreateTagsRequest, DeleteSubnetRequest } from '@aws-sdk/client-ec2';
import type { RegisterTargetsInput } from '@aws-sdk/client-elastic-load-balancing-v2';
import { type Clock, timersOf } from '../clock.ts';
import { uuid } from '../ids.ts';
import type { CloudEvent } from '../services/cloud.ts';
import { READ_ONLY } from '../services/read-only.ts';
import { AwsError } from '../wire/errors.ts';
import type { Middleware } from '../wire/wire.ts';

export interface TrailOptions {
  clock: Clock;
  account: string;
  region: string;
  put(event: CloudEvent): void;
  /** The name of who has taken on a role: Lambda gives a function's. */
  sessionOf(roleArn: string): string | undefined;
  /** From 0 up to 1. */
  random?: () => number;
}

const MINUTE = 60_000;
/**
 * CloudTrail "typically delivers logs within an average of about 5 minutes of an API call. This time is not guaranteed."
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html has no figure for EventBridge alone.
 */
const LATE = { least: MINUTE, most: 9 * MINUTE };

/**
 * The account has a trail, and CloudTrail tells EventBridge of each call that changes something, or was to, in time.
 * What services do by themselves it does not hear of here. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
 */
export function createTrail({ clock, account, region, put, sessionOf, random = Math.random }: TrailOptions) {
  const { after, end } = timersOf(clock);
  let recorded = 0;

  /** https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html */
  function identityOf(principal: string): object {
    const [, name = ''] = /:role\/(?:.*\/)?([^/]+)$/.exec(principal) ?? [];
    if (!name) return { type: 'IAMUser', arn: principal, accountId: account };
    const arn = `arn:aws:sts::${account}:assumed-role/${name}/${sessionOf(principal) ?? name}`;
    return { type: 'AssumedRole', arn, accountId: account };
  }

  const middleware: Middleware = async (call, input, next) => {
    const { service, operation } = call;
    if (!isWrite(service, operation)) return next();
    const eventTime = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const record = (failure: object) => {
      recorded += 1;
      const event: CloudEvent = {
        version: '0',
        id: uuid(`trail ${region} ${account} ${recorded}`),
        'detail-type': 'AWS API Call via CloudTrail',
        source: `aws.${service}`,
        account,
        // The call's, not the delivery's.
        time: eventTime,
        region,
        resources: [],
        detail: {
          eventVersion: '1.09',
          userIdentity: identityOf(call.principal),
          eventTime,
          eventSource: `${service}.amazonaws.com`,
          eventName: operation,
          awsRegion: region,
          ...failure,
          ...REQUESTS[`${service}:${operation}`]?.(input as never),
          requestID: call.requestId,
          readOnly: false,
          eventType: 'AwsApiCall',
          managementEvent: true,
          recipientAccountId: account,
        },
      };
      after(LATE.least + random() * (LATE.most - LATE.least), () => put(event));
    };
    try {
      const answer = await next();
      record({});
      return answer;
    } catch (error) {
      if (error instanceof AwsError) record({ errorCode: errorCode(service, error), errorMessage: error.message });
      throw error;
    }
  };
  return { middleware, close: end };
}

function isWrite(service: string, operation: string): boolean {
  const reads: Partial<Record<string, readonly string[]>> = READ_ONLY;
  return reads[service]?.includes(operation) === false;
}

/** EC2's codes say whose the error is: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html has this one among the client's. */
function errorCode(service: string, { code, status }: AwsError): string {
  if (service !== 'ec2') return code;
  return `${status < 500 || code === 'RequestLimitExceeded' ? 'Client' : 'Server'}.${code}`;
}

/**
 * CloudTrail has a request in a form of its own. These are known of it; of all others the event has none here, so that no pattern can
 * rest on what nobody knows. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html,
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-cloudtrail-logs.html
 */
const REQUESTS: Partial<Record<string, (input: never) => { requestParameters: object }>> = {
  'ec2:CreateTags': tagging,
  'ec2:DeleteTags': tagging,
  'ec2:DeleteSubnet': ({ SubnetId }: DeleteSubnetRequest) => ({ requestParameters: { subnetId: SubnetId } }),
  'elasticloadbalancing:RegisterTargets': targets,
  'elasticloadbalancing:DeregisterTargets': targets,
};

function tagging({ Resources = [], Tags }: CreateTagsRequest) {
  const items = Tags?.map(({ Key, Value }) => ({ key: Key, ...(Value !== undefined && { value: Value }) }));
  const resourcesSet = { items: Resources.map((resourceId) => ({ resourceId })) };
  return { requestParameters: { resourcesSet, tagSet: items ? { items } : {} } };
}

function targets({ TargetGroupArn, Targets = [] }: RegisterTargetsInput) {
  const each = Targets.map(({ Id, Port }) => ({ id: Id, ...(Port !== undefined && { port: Port }) }));
  return { requestParameters: { targetGroupArn: TargetGroupArn, targets: each } };
}
