import { isDeepStrictEqual } from 'node:util';
import type * as sdk from '@aws-sdk/client-cloudformation';
import type { Clock } from '../clock.ts';
import { roleName } from '../iam/role.ts';
import { uuid } from '../ids.ts';
import type { changesOf, Deployment, Phase, Stack, Tell } from './deploy.ts';
import type { DeployedStack, ToldStack } from './deployed.ts';
import { invalid, type ReadObject, refuse, type StackRequest } from './request.ts';
import type { Template } from './template.ts';

/** Stacks are made so. */
export interface Deploying {
  clock: Pick<Clock, 'now'>;
  /** Work that was asked for, by the stack's name: none of a stack that was deployed otherwise since. */
  works: Map<string, Work>;
  read: ReadObject;
  /** Throws if the template or a parameter is wrong. */
  changes(
    name: string,
    template: Template,
    parameters: Record<string, string>,
    before: Stack | undefined,
    how: Pick<Orders, 'by' | 'id' | 'tags'>,
  ): Promise<ReturnType<typeof changesOf>>;
  deploy(
    name: string,
    template: Template,
    parameters: Record<string, string>,
    before: Stack | undefined,
    how: Orders,
  ): Promise<unknown>;
  remove(stack: Stack, tell: Tell): Promise<unknown>;
  /** Throws if who asks may not have CloudFormation take on this role, or CloudFormation cannot. */
  checkRole(roleArn: string, accessKeyId: string): Promise<void>;
}

/** A stack is made or changed so. */
export interface Orders extends Pick<Deployment, 'tags' | 'phase' | 'stack' | 'signal'> {
  /** The access key of who does it: what he may do counts. */
  by: string;
  /** ARN of the stack. */
  id: string;
  tell: Tell;
}

/** CloudFormation was asked to do this with a stack, since it is there. */
interface Work {
  /** The stack, until it was deployed for the first time. */
  begun: DeployedStack;
  status?: sdk.StackStatus;
  reason?: string | undefined;
  /** It was made or changed last by this. */
  request?: StackRequest;
  /** The token of the call that is worked on, which its events bear. */
  token?: string | undefined;
  /** Ends the making of the stack. */
  cancel?: AbortController;
  /** The newest first. */
  events: sdk.StackEvent[];
  changeSets: Map<string, ChangeSet>;
}

interface ChangeSet {
  request: StackRequest;
  told: Omit<sdk.DescribeChangeSetOutput, '$metadata'>;
}

/** A stack is changed in no other state. */
const CHANGEABLE: readonly sdk.StackStatus[] = ['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE'];

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html#cfn-stack-status-codes */
const STATUSES = {
  CREATE: { rollback: 'ROLLBACK_IN_PROGRESS', cleanup: undefined, 'rollback cleanup': undefined },
  UPDATE: {
    rollback: 'UPDATE_ROLLBACK_IN_PROGRESS',
    cleanup: 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS',
    'rollback cleanup': 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS',
  },
} as const satisfies Record<string, Record<Phase, sdk.StackStatus | undefined>>;

const valuesByKey = (tags: readonly sdk.Tag[]) => new Map(tags.map(({ Key, Value }) => [Key, Value]));

export type StackWork = ReturnType<typeof stackWork>;

/** CloudFormation works on stacks: each has a status, and events tell how it came to that. */
export function stackWork(
  deployed: () => Iterable<DeployedStack>,
  { region, account }: { region: string; account: string },
  { clock, works, ...deploying }: Deploying,
) {
  let events = 0;
  /** CloudFormation still tells of deleted stacks, by their ids. */
  const deleted = new Map<string, { stack: ToldStack; events: sdk.StackEvent[] }>();

  /** A stack has another id than those of its name before it. */
  function idOf(name: string): string {
    const before = [...deleted.values()].filter(({ stack }) => stack.stack.name === name).length;
    return `arn:aws:cloudformation:${region}:${account}:stack/${name}/${before}`;
  }

  function told(): ToldStack[] {
    const there = new Map([...deployed()].map((each) => [each.stack.name, each]));
    const begun = [...works].filter(([name, { status }]) => status && !there.has(name)).map(([, work]) => work.begun);
    return [...there.values(), ...begun].map((each) => {
      const { status, reason, request } = works.get(each.stack.name) ?? {};
      return {
        ...{ ...each, id: idOf(each.stack.name), reason },
        status: status ?? (each.updatedAt === undefined ? 'CREATE_COMPLETE' : 'UPDATE_COMPLETE'),
        body: request?.body ?? JSON.stringify(each.template, undefined, 2),
        capabilities: request?.capabilities ?? [],
        tags: request?.tags ?? each.tags ?? [],
        roleArn: request?.roleArn,
      };
    });
  }

  /** The stack of this name or id. */
  const find = (nameOrId = '') => told().find(({ stack, id }) => stack.name === nameOrId || id === nameOrId);

  function named(nameOrId: string | undefined): ToldStack {
    const found = find(nameOrId);
    if (!found) throw invalid(`Stack [${nameOrId}] does not exist`);
    return found;
  }

  function begin({ stack, template, parameters, createdAt }: Omit<DeployedStack, 'updatedAt'>): Work {
    const begun = { stack, template, parameters, createdAt, updatedAt: undefined };
    const work = works.get(stack.name) ?? { begun, events: [], changeSets: new Map() };
    works.set(stack.name, work);
    return work;
  }

  /** CloudFormation knows a stack that is still to be made by its name and what it is asked for. */
  function beginNew(name: string, request: StackRequest): Work {
    const stack: Stack = { name, outputs: {}, resources: new Map() };
    const createdAt = works.get(name)?.begun.createdAt ?? clock.now();
    const begun = { stack, ...request, createdAt, updatedAt: undefined };
    return Object.assign(begin(begun), { begun, request });
  }

  function tellOf({ events: all, begun: { stack }, token }: Work): Tell {
    return ({ logicalId, type, ref, status, reason }) =>
      void all.unshift({
        EventId: `${logicalId}-${uuid(`event ${events++}`)}`,
        StackId: idOf(stack.name),
        StackName: stack.name,
        LogicalResourceId: logicalId,
        PhysicalResourceId: ref ?? '',
        ResourceType: type,
        ResourceStatus: status,
        ...(reason !== undefined && { ResourceStatusReason: reason }),
        ...(token !== undefined && { ClientRequestToken: token }),
        Timestamp: new Date(clock.now()),
      });
  }

  /** The stack is in another state from now on, and an event says so. */
  function enter(work: Work, status: sdk.StackStatus, reason?: string): void {
    const { name } = work.begun.stack;
    Object.assign(work, { status, reason });
    const type = 'AWS::CloudFormation::Stack';
    // A resource's states have no review, and a stack that is reviewed has no event.
    tellOf(work)({
      ...{ logicalId: name, type, ref: idOf(name), status: status as sdk.ResourceStatus },
      ...(reason !== undefined && { reason }),
    });
  }

  /** A stack that something is done with, or that something went wrong with for good, cannot be changed. */
  function refuseUpdate({ id, status }: ToldStack): void {
    if (!CHANGEABLE.includes(status)) throw invalid(`Stack:${id} is in ${status} state and can not be updated.`);
  }

  return {
    find,
    named,
    begin,
    beginNew,
    refuseUpdate,

    /** Of a deleted stack CloudFormation tells only by its id. https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html */
    described(nameOrId: string | undefined): ToldStack {
      const found = find(nameOrId) ?? deleted.get(nameOrId ?? '')?.stack;
      if (!found) throw invalid(`Stack with id ${nameOrId} does not exist`);
      return found;
    },
    all: told,
    eventsOf: (nameOrId: string | undefined): sdk.StackEvent[] =>
      deleted.get(nameOrId ?? '')?.events ?? works.get(named(nameOrId).stack.name)?.events ?? [],

    /** CloudFormation takes a call that comes again, with its token, for the one before, whose event this is: a reply may be lost. */
    repeats: ({ stack, id }: ToldStack, status: sdk.StackStatus, token: string | undefined) =>
      token !== undefined &&
      works.get(stack.name)?.events.some((event) => {
        const { PhysicalResourceId, ResourceStatus, ClientRequestToken } = event;
        return PhysicalResourceId === id && ResourceStatus === status && ClientRequestToken === token;
      }),

    /** A request as it would change a stack, or make one. Other tags alone are a change. */
    async changes(name: string, request: StackRequest, accessKeyId: string, before?: ToldStack) {
      const { template, parameters, tags, roleArn } = request;
      if (roleArn !== undefined && roleArn !== before?.roleArn) await deploying.checkRole(roleArn, accessKeyId);
      const how = { by: by(request, accessKeyId), id: idOf(name), tags };
      const { changes, same } = await deploying.changes(name, template, parameters, before?.stack, how).catch(refuse);
      return { changes, same: same && isDeepStrictEqual(valuesByKey(tags), valuesByKey(before?.tags ?? [])) };
    },

    /** Makes the stack of a work, or changes one that is there. If it cannot be, the stack is as it was. */
    execute(work: Work, request: StackRequest, accessKeyId: string, before?: ToldStack, token?: string): void {
      if (before) refuseUpdate(before);
      work.token = token;
      const step = before ? 'UPDATE' : 'CREATE';
      const failed = before ? 'UPDATE_ROLLBACK' : 'ROLLBACK';
      enter(work, `${step}_IN_PROGRESS`, 'User Initiated');
      const { template, parameters, tags } = request;
      const { stack } = work.begun;
      /** It is deleted meanwhile. */
      const ends = () => work.status === 'DELETE_IN_PROGRESS';
      const phase = (to: Phase, why?: string) => {
        const status = STATUSES[step][to];
        if (status && status !== work.status && !ends()) enter(work, status, why);
      };
      const how: Orders = { by: by(request, accessKeyId), id: idOf(stack.name), tell: tellOf(work), tags, phase };
      if (!before) {
        work.cancel = new AbortController();
        Object.assign(how, { stack, signal: work.cancel.signal });
      }
      deploying.deploy(stack.name, template, parameters, before?.stack, how).then(
        () => {
          work.request = request;
          if (ends()) end(work, named(stack.name));
          else enter(work, `${step}_COMPLETE`);
        },
        (error) => {
          if (ends()) return end(work, named(stack.name));
          const why = error instanceof Error ? error.message : String(error);
          if (work.status === `${step}_IN_PROGRESS`) phase('rollback', why);
          enter(work, error instanceof AggregateError ? `${failed}_FAILED` : `${failed}_COMPLETE`, why);
        },
      );
    },

    /**
     * A stack is deleted once nothing else is done with it, but for its creation, which ends then.
     * https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html
     */
    remove(there: ToldStack, token?: string): void {
      const { id, status } = there;
      const isMade = status === 'CREATE_IN_PROGRESS';
      if (/_IN_PROGRESS$/.test(status) && status !== 'REVIEW_IN_PROGRESS' && !isMade)
        throw invalid(`Stack [${id}] cannot be deleted while in status ${status}`);
      const work = begin(there);
      work.token = token;
      enter(work, 'DELETE_IN_PROGRESS', 'User Initiated');
      if (isMade) work.cancel?.abort(new Error('Resource creation cancelled'));
      else end(work, there);
    },
  };

  /** Whose rights count: those of the stack's role, if it has one. */
  function by({ roleArn }: StackRequest, accessKeyId: string): string {
    return roleArn === undefined ? accessKeyId : roleName(roleArn);
  }

  function end(work: Work, there: ToldStack): void {
    deploying.remove(there.stack, tellOf(work)).then(
      () => {
        enter(work, 'DELETE_COMPLETE');
        const stack = { ...there, status: 'DELETE_COMPLETE' as const, deletedAt: clock.now() };
        deleted.set(there.id, { stack, events: work.events });
        works.delete(there.stack.name);
      },
      (error) => enter(work, 'DELETE_FAILED', error instanceof Error ? error.message : String(error)),
    );
  }
}
