import { type AwsError, code } from './errors.ts';

/** An error of AWS usually means this here, and that can be done about it: two sentences without their full stops. */
export interface Advice {
  means: string;
  remedy: string;
}

interface Row extends Advice {
  /** `CODE: MESSAGE`. AWS's words tell apart for what it has one code. */
  error: RegExp;
}

const THROTTLE =
  /^(RequestLimitExceeded|Throttling(Exception)?|RequestThrottled(Exception)?|TooManyRequestsException|SlowDown|EC2ThrottledException|PriorRequestNotComplete):/;

const DENIED = /^(UnauthorizedOperation|AccessDenied(Exception)?|AuthorizationError):/;

const PATIENCE = 'nothing, the next look tries again';

/** The first row that fits holds. Codes are as the wire has them, and with the ending that SDK classes add. */
const TABLE: readonly Row[] = [
  {
    // AWS does not document the code.
    error: /encryption[ -]controls?\b/i,
    means:
      'the VPC enforces encryption in transit, from which no Gateway Load Balancer and no endpoint of one can be excluded',
    remedy:
      'set its encryption control to monitor (aws ec2 modify-vpc-encryption-control), or opt in no subnet of that VPC',
  },
  {
    error: THROTTLE,
    means: "the account's calls of this kind, of everybody together, come faster than AWS takes them",
    remedy: `${PATIENCE}; if it lasts, find in CloudTrail who else calls it, or ask AWS for a higher rate`,
  },
  {
    error: DENIED,
    means:
      'the role may not do this: its policy, a permissions boundary or an policy of the organisation (SCP) is in the way',
    remedy:
      'deploy the stack again, which restores its roles; if it stays, the words "explicit deny" in the message name the policy',
  },
  {
    error:
      /^(ExpiredToken(Exception)?|RequestExpired|RequestTimeTooSkewed|InvalidClientTokenId|InvalidAccessKeyId|AuthFailure|UnrecognizedClientException|(InvalidSignature|IncompleteSignature|MissingAuthenticationToken)(Exception)?|SignatureDoesNotMatch|CredentialsProviderError|TokenProviderError):/,
    means: 'the credentials are missing, wrong or too old, or the clock of this machine is wrong',
    remedy: 'sign in again (aws sso login), name the right --profile, and see that the clock is right',
  },
  {
    error: /^RouteNotSupported: .*destination/is,
    means: 'AWS allows no such destination in this route table, as in one that is associated with a gateway',
    remedy: "take the CIDR out of the subnet's tag, or give the subnet a route table of its own",
  },
  {
    error: /^RouteNotSupported:/,
    means: 'the endpoint is not available yet: AWS takes a route to it only then, some two minutes after it was made',
    remedy: `${PATIENCE}; if it lasts, look at the state of the endpoint`,
  },
  {
    error: /^RouteAlreadyExists:/,
    means: 'somebody else wrote a route to the same destination since the last look',
    remedy: `${PATIENCE}; a route that is not ours is left alone and shows as a conflict`,
  },
  {
    error: /^InvalidRoute\.NotFound:/,
    means: 'somebody else removed the route since the last look',
    remedy: PATIENCE,
  },
  {
    error: /^InvalidParameterValue: .*no route defined/is,
    means: 'the route that was to be replaced is gone since the last look',
    remedy: PATIENCE,
  },
  {
    error: /^(RouteLimitExceeded|ResourceCountLimitExceeded):/,
    means: "the route table is full: the account's quota of routes per route table",
    remedy: 'ask for more in Service Quotas (Amazon VPC, Routes per route table), or tag with fewer and wider CIDRs',
  },
  {
    error: /^TagLimitExceeded:/,
    means: 'a thing has 50 tags, which are all that AWS allows, beside its own',
    remedy: 'take one away that nobody needs',
  },
  {
    error: /^VpcEndpointLimitExceeded:/,
    means: 'the VPC is full: interface and Gateway Load Balancer endpoints share a quota of 50 in a VPC',
    remedy:
      'ask for more in Service Quotas (Amazon VPC, Interface VPC endpoints per VPC), or untag subnets, or let them share a route table',
  },
  {
    error: /^InsufficientFreeAddressesInSubnet:/,
    means: 'every address of the subnet is in use, and an endpoint needs one',
    remedy: 'free one, or name other subnets in the parameter endpoints',
  },
  {
    error: /^InvalidServiceName:/,
    means: 'the endpoint service is gone, or does not let this account connect',
    remedy:
      'see that it exists and lists the account among its allowed principals; deploying the stack again restores both',
  },
  {
    error: /^IdempotentParameterMismatch:/,
    means: 'a call with the same token was made shortly before, with other parameters, and AWS still remembers it',
    remedy: 'nothing, a new token is used within a minute',
  },
  {
    error: /^InvalidParameter: .*support the availability zone/is,
    means: 'the load balancer has no node in the zone of the subnet, or the endpoint service is not enabled there yet',
    remedy:
      "nothing where the load balancer got the zone just now; else give it a subnet there (parameter subnetIds), or take the subnet's tag away",
  },
  {
    error: /^InvalidParameter: .*removed from route table/is,
    means: 'a route still leads to the endpoint, perhaps one in a route table that was just changed by hand',
    remedy: `${PATIENCE}; if it lasts, look for the endpoint's id among the routes of the VPC`,
  },
  {
    error: /^(DependencyViolation|ExistingVpcEndpointConnections|ResourceInUse(Exception)?):/,
    means: 'something still uses what is to be removed',
    remedy: 'opt all subnets out first (ziti-glb drain), then remove it',
  },
  {
    error: /^(IncorrectState|IncorrectInstanceState|InvalidVpcEndpointStateException|OperationNotPermitted):/,
    means: 'the thing is just changing, and takes no call in the state that it is in',
    remedy: `${PATIENCE}; if it lasts, look at its state in the console`,
  },
  {
    error: /^InvalidTarget(Exception)?:/,
    means: 'the instance is not running, is in another VPC than the target group, or of a type that cannot be a target',
    remedy: 'nothing for one that is just starting or stopping; launch any other again, in the VPC of the stack',
  },
  {
    error: /^TooMany(Targets|RegistrationsForTargetId)(Exception)?:/,
    means: 'the target group is full: a Gateway Load Balancer takes 300 targets in a zone',
    remedy: 'use fewer, larger routers',
  },
  {
    error: /^TargetGroupNotFound(Exception)?:/,
    means: 'the target group of the stack is gone',
    remedy: 'deploy the stack again, which makes it anew; until then no subnet reaches anything',
  },
  {
    error: /^HealthUnavailable(Exception)?:/,
    means: 'Elastic Load Balancing cannot say at the moment how the targets are',
    remedy: PATIENCE,
  },
  {
    error: /^InvalidInstanceId(Exception)?:/,
    means: 'Systems Manager does not reach the instance: its agent has not registered yet, cannot, or is lost',
    remedy:
      'wait for the first minutes after a launch; after that see that its instance profile has AmazonSSMManagedInstanceCore, that the agent runs, and that 443 to ssm and ssmmessages is open (for agents before 3.3.40 to ec2messages too)',
  },
  {
    error: /^(InvalidDocument(Version)?|UnsupportedPlatformType):/,
    means: "the stack's SSM document is gone or does not fit the instance",
    remedy: 'deploy the stack again; routers run Linux',
  },
  {
    error: /^(DisabledException|KMSInvalidStateException|NotFoundException): .*:key\//s,
    means: "the stack's key is disabled, about to be deleted, or gone: without it no note in a tag can be verified",
    remedy: 'enable it, or cancel its deletion (aws kms enable-key, cancel-key-deletion); nothing is done until then',
  },
  {
    error: /^InvocationDoesNotExist:/,
    means: 'Systems Manager does not show the command yet',
    remedy: PATIENCE,
  },
  {
    error: /^ValidationError: .*lifecycle action/is,
    means: 'the lifecycle hook has been answered or has run out meanwhile',
    remedy: 'nothing; if hooks keep running out, give them a longer heartbeat timeout',
  },
  {
    error: /^\S+\.Malformed:/,
    means: 'this is no id of AWS, or one of another kind',
    remedy: "see the stack's parameters",
  },
  {
    error:
      /^Invalid(Subnet|VPC|Vpc|RouteTable|VpcEndpoint|InstanceI|NetworkInterface|VpcEndpointService|Gateway)[\w.]*NotFound:/i,
    means:
      'the thing was deleted since the last look, or was made so shortly before that AWS does not show it everywhere yet',
    remedy: PATIENCE,
  },
  {
    error: /^ResourceNotFoundException: .*function/is,
    means: 'no stack of this name is deployed in this account and region',
    remedy: 'name the stack, the account and the region: --stack, --profile, --region',
  },
  {
    error:
      /^(InternalError|InternalServerError|InternalFailure|ServiceUnavailable|Unavailable|TimeoutError|RequestTimeout|ECONNRESET|ECONNREFUSED|ENOTFOUND):/,
    means: 'AWS did not answer, or not in time',
    remedy: `${PATIENCE}; if it lasts, see the AWS Health Dashboard, and whether this machine reaches the endpoint`,
  },
];

/** Advice on an error, or on its facts; undefined for one that nobody has met here yet. */
export function advice(error: unknown): Advice | undefined {
  const { name = '', message = '', code = '' }: Partial<AwsError> = Object(error);
  const said = [name, code].map((each) => `${each}: ${message}`);
  const row = TABLE.find((each) => said.some((text) => each.error.test(text)));
  return row && { means: row.means, remedy: row.remedy };
}

/** AWS refused a call only because there were too many. */
export const isThrottle = (error: unknown) => THROTTLE.test(`${code(error)}:`);

/** AWS knows who asks, and does not let them. */
export const isDenied = (error: unknown) => DENIED.test(`${code(error)}:`);

/** AWS's code and words, and what is known of them, as sentences for a person. */
export function explain(error: unknown): string {
  const said = error instanceof Error ? `${error.name}: ${error.message}`.replace(/[.\s]+$/, '') : String(error);
  const known = advice(error);
  return known ? `${said}. Usually: ${known.means}. What to do: ${known.remedy}.` : `${said}.`;
}
