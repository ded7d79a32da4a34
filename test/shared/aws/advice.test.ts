import { describe, expect, test } from '@jest/globals';
import { advice, explain, isThrottle } from '../../../shared/aws/advice.ts';

function awsError(name: string, message = ''): Error {
  return Object.assign(new Error(message), { name });
}

/** AWS answers with a code, and words where they matter; a person must find these words in the advice. */
const CASES: [code: string, said: string, means: RegExp, remedy: RegExp][] = [
  ['RouteNotSupported', 'Route table contains unsupported route target: vpce-0e', /not available yet/, /next look/],
  ['RouteNotSupported', 'Route table contains unsupported route destination', /destination/, /tag/],
  ['OperationNotPermitted', 'The VPC encryption control of vpc-0 is in enforce mode', /enforces encryption/, /monitor/],
  ['RouteAlreadyExists', '', /somebody else/, /conflict/],
  ['InvalidRoute.NotFound', '', /removed the route/, /next look/],
  ['InvalidParameterValue', "There is no route defined for '10.0.0.0/8' in the route table.", /gone/, /next look/],
  ['RouteLimitExceeded', '', /full/, /Service Quotas/],
  ['VpcEndpointLimitExceeded', '', /50 in a VPC/, /Service Quotas/],
  ['InvalidServiceName', '', /does not let this account/, /allowed principals/],
  ['IdempotentParameterMismatch', '', /same token/, /within a minute/],
  ['InvalidParameter', 'vpce-svc-0d does not support the availability zone of the subnet', /no node/, /subnetIds/],
  ['InvalidParameter', 'Endpoint must be removed from route table before deletion', /route still leads/, /routes of/],
  ['DependencyViolation', '', /still uses/, /drain/],
  ['ExistingVpcEndpointConnections', '', /still uses/, /drain/],
  ['IncorrectState', '', /just changing/, /next look/],
  ['InvalidTarget', '', /not running/, /launch/],
  ['InvalidTargetException', '', /another VPC/, /launch/],
  ['TargetGroupNotFoundException', '', /gone/, /deploy/],
  ['TooManyTargetsException', '', /300/, /larger/],
  ['DisabledException', 'arn:aws:kms:eu-central-1:111122223333:key/1 is disabled.', /no note/, /enable it/],
  [
    'KMSInvalidStateException',
    'arn:aws:kms:eu-central-1:1:key/1 is pending deletion.',
    /no note/,
    /cancel its deletion/,
  ],
  ['InvalidInstanceId', '', /agent has not registered/, /AmazonSSMManagedInstanceCore/],
  ['InvalidInstanceID.NotFound', '', /deleted since/, /next look/],
  ['InvalidSubnetID.NotFound', '', /deleted since/, /next look/],
  ['InvalidVpcEndpointId.NotFound', '', /deleted since/, /next look/],
  ['InvalidRouteTableId.Malformed', '', /no id/, /parameters/],
  ['RequestLimitExceeded', '', /faster than AWS takes/, /CloudTrail/],
  ['Throttling', '', /faster than AWS takes/, /CloudTrail/],
  ['ThrottlingException', '', /faster than AWS takes/, /CloudTrail/],
  ['UnauthorizedOperation', '', /role may not/, /explicit deny/],
  ['AccessDenied', '', /role may not/, /explicit deny/],
  ['AccessDeniedException', '', /role may not/, /explicit deny/],
  ['ExpiredToken', '', /too old/, /sso login/],
  ['SignatureDoesNotMatch', '', /wrong/, /clock/],
  ['InvalidSignatureException', 'Signature expired: 20260115T100000Z is now earlier than', /clock/, /clock/],
  ['RequestTimeTooSkewed', '', /clock/, /clock/],
  ['CredentialsProviderError', '', /missing/, /--profile/],
  ['ValidationError', 'No active Lifecycle Action found with instance ID i-0', /answered or has run out/, /heartbeat/],
  ['ResourceNotFoundException', 'Function not found: arn:aws:lambda:x', /no stack of this name/, /--stack/],
  ['InternalError', '', /did not answer/, /Health Dashboard/],
];

describe('what an error of AWS means here, and what to do', () => {
  test.each(CASES)('%s %s', (name, said, means, remedy) => {
    const known = advice(awsError(name, said));
    expect(known?.means).toMatch(means);
    expect(known?.remedy).toMatch(remedy);
  });

  test.each([awsError('InvalidParameter', 'something else'), awsError('NeverSeen'), 'no error', undefined])(
    'nothing is made up for %s',
    (error) => expect(advice(error)).toBeUndefined(),
  );

  test('only throttles are throttles', () => {
    const throttles = ['RequestLimitExceeded', 'Throttling', 'ThrottlingException', 'TooManyRequestsException'];
    for (const [name] of CASES) expect([name, isThrottle(awsError(name))]).toEqual([name, throttles.includes(name)]);
  });
});

describe('in sentences', () => {
  test('what AWS said, what it means, what to do', () => {
    const text = explain(awsError('VpcEndpointLimitExceeded', 'The limit was reached.'));
    expect(text).toMatch(/^VpcEndpointLimitExceeded: The limit was reached\. Usually: .+\. What to do: .+\.$/);
  });

  test('of what is not known, what was said', () => {
    expect(explain(awsError('NeverSeen', 'odd'))).toBe('NeverSeen: odd.');
    expect(explain('broken')).toBe('broken.');
  });
});
