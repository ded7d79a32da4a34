import { runSimulation } from '@cloud-copilot/iam-simulate';
import { AwsError } from '../wire/errors.ts';
import type { Middleware } from '../wire/wire.ts';
import { type AccessRequest, accessRequests } from './requests.ts';
import type { FindResource } from './resources.ts';
import type { Role } from './role.ts';

export interface IamOptions {
  region: string;
  account: string;
  /** Id of the organisation that the account is a member of, if it is of one. */
  organization?: string | undefined;
  /**
   * By access key: whom each belongs to. An access key of no role is the operator's, whom IAM lets do everything. Of a KMS key, by
   * its policy, that is nothing if it does not say so: https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
   */
  roles: ReadonlyMap<string, Role>;
  find: FindResource;
  /** The policy of a resource that has one, by ARN. */
  policyOf?(arn: string): Record<string, unknown> | undefined;
}

/** A statement of a role's policies allows one action on one pattern of resources. */
export interface Allowance {
  role: string;
  policy: string;
  /** Its place in the policy, from 1. */
  statement: number;
  action: string;
  resource: string;
}

export type Iam = ReturnType<typeof createIam>;

/** Refuses what the caller's role does not allow, as IAM does, and remembers what was allowed. */
export function createIam({ region, account, organization, roles, find, policyOf = () => undefined }: IamOptions) {
  /** Policies of a role do not change: a changed role is another one. */
  const decisions = new WeakMap<Role, Map<string, Promise<Decision>>>();
  const used = new Map<Role, Set<string>>();

  const operators = new Map<string, Role>();
  function unbounded(arn: string): Role {
    const document = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
    const known = operators.get(arn);
    const role = known ?? { name: arn, arn, trust: {}, managedPolicyArns: [], policies: [{ name: 'all', document }] };
    operators.set(arn, role);
    return role;
  }

  async function decide(role: Role, request: AccessRequest, policy = policyOf(request.resource)): Promise<boolean> {
    const known = decisions.get(role) ?? new Map<string, Promise<Decision>>();
    decisions.set(role, known);
    const key = JSON.stringify([request, policy]);
    const decision = known.get(key) ?? simulate(role, request, { region, account, organization, policy });
    known.set(key, decision);
    const { allowed, allowances } = await decision;
    const uses = used.get(role) ?? new Set();
    used.set(role, uses);
    for (const allowance of allowances) uses.add(JSON.stringify(allowance));
    return allowed;
  }

  return {
    /**
     * An access key's owner may do this, or not. Remembered as used if so.
     * @param policy the resource's own, which decides too where that is another account's
     */
    async allows(
      accessKeyId: string,
      action: string,
      resource: string,
      context: AccessRequest['context'] = {},
      policy?: Record<string, unknown>,
    ): Promise<boolean> {
      const role = roles.get(accessKeyId) ?? (policy && unbounded(`arn:aws:iam::${account}:user/${accessKeyId}`));
      return !role || decide(role, { action, resource, context }, policy);
    },

    middleware: (async (call, input, next) => {
      const role = roles.get(call.accessKeyId) ?? (call.service === 'kms' ? unbounded(call.principal) : undefined);
      // "No permissions are required to perform this operation": https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
      if (!role || (call.service === 'sts' && call.operation === 'GetCallerIdentity')) return next();
      for (const request of await accessRequests(call, input, find, { region, account }))
        if (!(await decide(role, request))) throw refusal(call.service, call.principal, request);
      return next();
    }) satisfies Middleware,

    /** Everything that the roles allow and nobody has used yet: for IAM Access Analyzer, unused access. */
    unused(): Allowance[] {
      return [...roles.values()].flatMap((role) =>
        allowancesOf(role).filter((allowance) => !used.get(role)?.has(JSON.stringify(allowance))),
      );
    },
  };
}

/** The simulator knows no resource without an account, as AWS's own documents are: for it they are of an account `aws`. */
const owned = (text: string) => text.replaceAll(/(arn:[^:"]*:ssm:[^:"]*:)(?=:document\/)/g, '$1aws');

/** A role may do something, by these statements of its own, or may not. */
interface Decision {
  allowed: boolean;
  allowances: Allowance[];
}

async function simulate(
  role: Role,
  { action, resource, context }: AccessRequest,
  {
    region,
    account,
    organization,
    policy,
  }: {
    region: string;
    account: string;
    organization: string | undefined;
    policy: Record<string, unknown> | undefined;
  },
): Promise<Decision> {
  // A resource that is still to be made has an id, which no policy can have foreseen.
  const concrete = resource === '*' ? '*' : owned(resource.replaceAll('*', 'new'));
  const [, , , , owner = ''] = resource.split(':');
  const accountId = policy && /^\d{12}$/.test(owner) ? owner : account;
  const answer = await runSimulation(
    {
      request: {
        principal: role.arn,
        action,
        resource: { resource: concrete, accountId },
        contextVariables: {
          ...context,
          'aws:PrincipalArn': role.arn,
          'aws:PrincipalAccount': account,
          ...(organization && { 'aws:PrincipalOrgID': organization }),
          'aws:ResourceAccount': accountId,
          'aws:RequestedRegion': region,
          'aws:SecureTransport': 'true',
          'ec2:Region': region,
        },
      },
      identityPolicies: role.policies.map(({ name, document }) => ({
        name,
        policy: JSON.parse(owned(JSON.stringify(document))),
      })),
      ...(policy && { resourcePolicy: policy }),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  if (answer.resultType !== 'single')
    throw new Error(
      `${action} on ${resource} cannot be evaluated for ${role.name}: ${JSON.stringify('errors' in answer ? answer.errors : answer)}`,
    );
  if (answer.overallResult !== 'Allowed') return { allowed: false, allowances: [] };
  const statements = answer.result.analysis.identityAnalysis?.allowStatements ?? [];
  const allowances = statements.flatMap(({ policyId, statement, explain }) =>
    (explain.resources === undefined ? [] : [explain.resources].flat())
      .filter(({ matches }) => matches)
      .map((pattern) => ({
        role: role.name,
        policy: policyId,
        statement: statement.index(),
        action,
        resource: pattern.resource,
      })),
  );
  return { allowed: true, allowances };
}

function allowancesOf({ name: role, policies }: Role): Allowance[] {
  return policies.flatMap(({ name: policy, document }) =>
    listOf(document.Statement).flatMap((statement, index) => {
      const { Effect, Action, Resource } = Object(statement);
      if (Effect !== 'Allow') return [];
      return listOf(Action).flatMap((action) =>
        listOf(Resource).map((resource) => ({
          role,
          policy,
          statement: index + 1,
          action: String(action),
          resource: String(resource),
        })),
      );
    }),
  );
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);

/** Each service has its own word for it, and its own status. */
function refusal(service: string, principal: string, { action, resource }: AccessRequest): AwsError {
  const why = `User: ${principal} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`;
  if (service === 'ec2')
    return new AwsError('UnauthorizedOperation', `You are not authorized to perform this operation. ${why}`, 403);
  if (service === 'ssm' || service === 'kms') return new AwsError('AccessDeniedException', why);
  return new AwsError('AccessDenied', why, 403);
}
