import type { Clock } from '../clock.ts';
import type { AccessKey } from '../iam/keys.ts';
import { wildcard } from '../wildcard.ts';
import { AwsError } from '../wire/errors.ts';
import { type Code, unpackCode } from './code.ts';
import { type Environment, startEnvironment } from './environment.ts';
import type { FunctionConfiguration } from './function.ts';
import {
  createInvocationQueue,
  DEFAULT_EVENT_INVOKE_CONFIG,
  type EventInvokeConfig,
  type FailureRecord,
  type InvokeResult,
} from './invocations.ts';
import type { FunctionError } from './protocol.ts';
import { functionVariables, refuseReservedVariables } from './variables.ts';

/** A function's resource policy lets these invoke it. */
export interface Permission {
  /** A service, `events.amazonaws.com`, an account by its id, or `*`. */
  principal: string;
  /** The ARN on whose behalf, with the wildcards `*` and `?`. Anyone's, if not given. */
  sourceArn?: string;
  /** Id of the organisation whose accounts alone it is for. */
  organization?: string;
}

export interface LambdaOptions {
  clock: Clock;
  /** `clock` runs so fast against the wall's. */
  rate: number;
  region: string;
  /** The functions' SDK clients find AWS there: `AWS_ENDPOINT_URL`, and others for single services. */
  endpoints: Record<`AWS_ENDPOINT_URL${string}`, string>;
  /** The account's quota of concurrent executions; 1000 if not given. */
  concurrency?: number | undefined;
  /** Credentials for who takes on a role. */
  keyOf(roleArn: string): AccessKey;
  /** Each line that a function writes, and what Lambda itself has to say of it; and the role it is to be written with. */
  onLog(functionName: string, line: string, roleArn: string): void;
  /** An asynchronous invocation was given up. */
  onFailure(record: FailureRecord, destinationArn: string | undefined): void;
}

/** Lambda, running packaged bundles in processes of this machine. */
export type Lambda = ReturnType<typeof createLambda>;

interface Running {
  revision: Revision;
  eventInvokeConfig: EventInvokeConfig;
  queue: ReturnType<typeof createInvocationQueue>;
  /** The invocations that run now. */
  concurrency: number;
  permissions: Set<Permission>;
}

/** A function as it was last created or updated. What began under an earlier one ends under it. */
interface Revision {
  configuration: FunctionConfiguration;
  madeAt: number;
  code: Code;
  warm: Environment[];
  environments: Set<Environment>;
}

/** A new account's quota may be this small: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const SMALL = 10;

export function createLambda({
  clock,
  rate,
  region,
  endpoints,
  concurrency = 1000,
  keyOf,
  onLog,
  onFailure,
}: LambdaOptions) {
  const functions = new Map<string, Running>();
  /** All that still have an environment, and the current ones. */
  const revisions = new Set<Revision>();
  let requests = 0;

  function find(nameOrArn: string): Running | undefined {
    return functions.get(nameOrArn.split(':function:').at(-1)?.split(':')[0] ?? '');
  }

  function get(nameOrArn: string): Running {
    const found = find(nameOrArn);
    if (!found) throw new Error(`ResourceNotFoundException: Function not found: ${nameOrArn}`);
    return found;
  }

  function newRequestId(): string {
    requests += 1;
    return `00000000-0000-4000-9000-${requests.toString(16).padStart(12, '0')}`;
  }

  /** A warm environment, or a new one. */
  function takeEnvironment({ configuration, code: { root: taskRoot }, warm, environments }: Revision): Environment {
    const ready = warm.pop();
    if (ready?.isAlive()) return ready;
    if (ready) environments.delete(ready);
    const environment = startEnvironment({
      taskRoot,
      handler: configuration.handler,
      time: { cloud: clock.now(), wall: Date.now(), rate },
      env: functionVariables(configuration, { region, endpoints, taskRoot, key: keyOf(configuration.roleArn) }),
      memorySize: configuration.memorySize,
      onLine: (line) => onLog(configuration.name, line, configuration.roleArn),
    });
    environments.add(environment);
    return environment;
  }

  /** Runs one invocation now, in a warm environment or a new one. Undefined if the function, or what shares the account's rest, is at its concurrency. */
  function run(fn: Running, event: unknown, requestId: string): Promise<InvokeResult> | undefined {
    const { reservedConcurrency } = fn.revision.configuration;
    if (reservedConcurrency === undefined ? unreserved() <= 0 : fn.concurrency >= reservedConcurrency) return undefined;
    fn.concurrency += 1;
    return runIn(fn, event, requestId).finally(() => {
      fn.concurrency -= 1;
    });
  }

  async function runIn(fn: Running, event: unknown, awsRequestId: string): Promise<InvokeResult> {
    const { revision } = fn;
    const { name, arn, roleArn, timeout, memorySize } = revision.configuration;
    const environment = takeEnvironment(revision);
    const loaded = await environment.loaded;
    let timedOut: FunctionError | undefined;
    const cancelTimeout = clock.after(timeout * 1000, () => {
      const errorMessage = `RequestId: ${awsRequestId} Error: Task timed out after ${timeout.toFixed(2)} seconds`;
      timedOut = { errorType: 'Sandbox.Timedout', errorMessage };
      void environment.kill();
    });
    const context = {
      functionName: name,
      functionVersion: '$LATEST',
      invokedFunctionArn: arn,
      memoryLimitInMB: `${memorySize}`,
      awsRequestId,
      logGroupName: `/aws/lambda/${name}`,
      logStreamName: '[$LATEST]',
    };
    const deadline = clock.now() + timeout * 1000;
    const answer = 'error' in loaded ? loaded : await environment.invoke({ event, deadline, context });
    cancelTimeout();
    if (!environment.isAlive()) revision.environments.delete(environment);
    else if (fn.revision === revision) revision.warm.push(environment);
    else await retire(revision, [environment]);
    const outcome = timedOut ? { error: timedOut } : answer;
    if ('json' in outcome) return { payload: JSON.parse(outcome.json) };
    // What the handler threw, its own process has logged.
    if (!environment.isAlive())
      onLog(name, `${awsRequestId} ${outcome.error.errorType}: ${outcome.error.errorMessage}`, roleArn);
    return outcome;
  }

  async function stop(fn: Running): Promise<void> {
    fn.queue.close();
    functions.delete(fn.revision.configuration.name);
    await Promise.all(
      [...revisions]
        .filter((one) => one.configuration.arn === fn.revision.configuration.arn)
        .map((one) => retire(one, [...one.environments])),
    );
  }

  /** Ends environments of a revision, and the revision with the last of them. */
  async function retire(revision: Revision, environments: Environment[]): Promise<void> {
    await Promise.all(environments.map((environment) => environment.kill()));
    for (const environment of environments) revision.environments.delete(environment);
    if (revision.environments.size > 0) return;
    revisions.delete(revision);
    await revision.code.remove();
  }

  /** Functions have so many of the account's concurrent executions for themselves, but for the one of this name. */
  const reservedBut = (name?: string) =>
    [...functions.values()]
      .map(({ revision }) => revision.configuration)
      .reduce((sum, each) => (each.name === name ? sum : sum + (each.reservedConcurrency ?? 0)), 0);

  /** Functions without executions of their own share these; so many of them are free. */
  const unreserved = () =>
    [...functions.values()].reduce(
      (free, fn) => (fn.revision.configuration.reservedConcurrency === undefined ? free - fn.concurrency : free),
      concurrency - reservedBut(),
    );

  /**
   * Lambda keeps 100 of the account's concurrent executions for functions without any of their own, or 10 where the quota is
   * small: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html, and public reports of the latter.
   */
  function refuseReserved({ name, reservedConcurrency = 0 }: FunctionConfiguration): void {
    if (reservedConcurrency === 0) return;
    const reserved = reservedBut(name) + reservedConcurrency;
    const minimum = concurrency < 100 ? SMALL : 100;
    if (concurrency - reserved < minimum)
      throw new Error(
        `InvalidParameterValueException: Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${minimum}].`,
      );
  }

  function revise(configuration: FunctionConfiguration): Revision {
    refuseReservedVariables(configuration.name, configuration.variables);
    refuseReserved(configuration);
    const code = unpackCode(configuration.name, configuration.code);
    const revision = {
      ...{ configuration, code, warm: [], environments: new Set<Environment>() },
      madeAt: clock.now(),
    };
    revisions.add(revision);
    return revision;
  }

  return {
    /** The account's quota of concurrent executions, and what no function has for itself. */
    concurrency: () => ({ all: concurrency, unreserved: concurrency - reservedBut() }),

    createFunction(configuration: FunctionConfiguration): void {
      const { name, arn } = configuration;
      if (functions.has(name)) throw new Error(`ResourceConflictException: Function already exist: ${name}`);
      const fn: Running = {
        revision: revise(configuration),
        eventInvokeConfig: DEFAULT_EVENT_INVOKE_CONFIG,
        queue: createInvocationQueue({
          clock,
          functionArn: arn,
          config: () => fn.eventInvokeConfig,
          invoke: (event, requestId) => run(fn, event, requestId),
          onFailure,
        }),
        concurrency: 0,
        permissions: new Set(),
      };
      functions.set(name, fn);
    },

    /** Gives a function other code or configuration. Invocations that run go on with what they began with. */
    updateFunction(configuration: FunctionConfiguration): void {
      const fn = get(configuration.name);
      const before = fn.revision;
      fn.revision = revise(configuration);
      void retire(before, before.warm.splice(0));
    },

    async deleteFunction(name: string): Promise<void> {
      await stop(get(name));
    },

    setEventInvokeConfig(name: string, config: EventInvokeConfig = DEFAULT_EVENT_INVOKE_CONFIG): void {
      get(name).eventInvokeConfig = config;
    },

    /** The returned function takes it back. */
    addPermission(name: string, permission: Permission): () => void {
      const { permissions } = get(name);
      permissions.add(permission);
      return () => void permissions.delete(permission);
    },

    mayInvoke(nameOrArn: string, principal: string, sourceArn: string): boolean {
      const permissions = [...(find(nameOrArn)?.permissions ?? [])];
      return permissions.some(
        (given) => given.principal === principal && wildcard(given.sourceArn ?? '*').test(sourceArn),
      );
    },

    /** A function's permissions come to this policy: https://docs.aws.amazon.com/lambda/latest/dg/permissions-function-organization.html */
    policyOf(nameOrArn: string): Record<string, unknown> | undefined {
      const fn = find(nameOrArn);
      const Resource = fn?.revision.configuration.arn;
      return (
        fn && {
          Version: '2012-10-17',
          Statement: [...fn.permissions].map((permission) => ({ ...statementOf(permission), Resource })),
        }
      );
    },

    /** Runs a function and waits for its answer. Throws if there is none of this name, or it is at its concurrency. */
    async invoke(nameOrArn: string, event: unknown): Promise<InvokeResult> {
      const running = run(get(nameOrArn), event, newRequestId());
      // https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
      if (!running) throw new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429);
      return running;
    },

    /** Queues an event for a function. Throws if there is none of this name. */
    invokeAsync(nameOrArn: string, event: unknown): void {
      get(nameOrArn).queue.add(event, newRequestId());
    },

    has: (nameOrArn: string): boolean => find(nameOrArn) !== undefined,

    /** Throws if there is none of this name. */
    configurationOf: (nameOrArn: string): FunctionConfiguration => get(nameOrArn).revision.configuration,

    /** It has its code and configuration since then, in milliseconds since the epoch. */
    modifiedAt: (nameOrArn: string): number => get(nameOrArn).revision.madeAt,

    /** ARN of the role that a function runs as. Throws if there is none of this name. */
    roleOf: (nameOrArn: string): string => get(nameOrArn).revision.configuration.roleArn,

    /** The function that has taken on a role bears its own name there; undefined if none has. */
    sessionOf(roleArn: string): string | undefined {
      const configurations = [...functions.values()].map(({ revision }) => revision.configuration);
      return configurations.find((each) => each.roleArn === roleArn)?.name;
    },

    async close(): Promise<void> {
      await Promise.all([...functions.values()].map(stop));
    },
  };
}

function statementOf({ principal, sourceArn, organization }: Permission) {
  const isAccount = /^\d{12}$/.test(principal);
  const who = isAccount ? { AWS: `arn:aws:iam::${principal}:root` } : { Service: principal };
  return {
    Effect: 'Allow',
    Action: 'lambda:InvokeFunction',
    Principal: principal === '*' ? '*' : who,
    Condition: {
      ...(sourceArn && { ArnLike: { 'aws:SourceArn': sourceArn } }),
      ...(organization && { StringEquals: { 'aws:PrincipalOrgID': organization } }),
    },
  };
}
