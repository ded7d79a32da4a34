import { AsyncLocalStorage } from 'node:async_hooks';
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { S3Client } from '@aws-sdk/client-s3';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { CloudOptions } from '../../local/services/cloud.ts';
import { byValue } from '../../local/wire/by-value.ts';
import { AwsError, ConnectionLost } from '../../local/wire/errors.ts';
import { throttle } from '../../local/wire/throttle.ts';
import type { Middleware } from '../../local/wire/wire.ts';
import { aboutIt } from '../../shared/conditions/sentences.ts';
import { type Reconciler, reconcile } from '../../shared/reconcile/loop.ts';
import type { Step } from '../../shared/reconcile/plan.ts';
import { quickCloud, REGION } from './cloud.ts';
import { frozen } from './frozen.ts';
import { factual } from './plain-facts.ts';
import { testSeal } from './seal.ts';

/** One call may go wrong so. A stale read answers what the one before it answered; all others befall changes. */
export type Fault = 'none' | 'throttled' | 'refused' | 'lost reply' | 'crash' | 'stale';

/** The process ends after a call: its pass is over, and what it knew is lost. */
export class Crash extends Error {}

type Input = Readonly<Record<string, unknown>>;

/** Called with each changing call of a function before it is done. `caller` is its access key. */
type Check = (operation: string, input: Input, caller: string) => unknown;

const isRead = (operation: string) => /^(Describe|Get|List)/.test(operation);

/**
 * Functions in this cloud have their calls counted, which go wrong as a test says. Those of people do not.
 * @param throttled AWS's buckets refuse what is too much
 */
export function openStage({ throttled = false, ...options }: Partial<CloudOptions> & { throttled?: boolean } = {}) {
  const callers = new Set<string>();
  const faults: Fault[] = [];
  /** Operations that no function may do. */
  const denied = new Set<string>();
  const calls: { operation: string; changes: boolean; input: Input; at: number; error?: string }[] = [];
  const checks: Check[] = [];
  const answers = new Map<string, unknown>();
  const pace = { latency: () => 0 };
  /** Calls that a look makes see this. */
  const looking = new AsyncLocalStorage<true>();
  let crashed = false;
  let seal = testSeal();

  const watched: Middleware = async (call, input, next) => {
    const { operation, accessKeyId } = call;
    if (!callers.has(accessKeyId)) return next();
    const one: (typeof calls)[number] = { operation, changes: !isRead(operation), input, at: cloud.clock.now() };
    calls.push(one);
    if (one.changes && looking.getStore()) throw new Error(`${operation} changes something, and was called to observe`);
    if (pace.latency() > 0) await cloud.clock.sleep(pace.latency());
    const pass = throttled ? () => limit(call, input, next) : next;
    try {
      if (denied.has(operation)) throw new AwsError('UnauthorizedOperation', 'You are not authorized.', 403);
      if (!one.changes) return await read(JSON.stringify([operation, input]), pass);
      return await change(async () => {
        for (const check of checks) await check(operation, input, accessKeyId);
        return pass();
      });
    } catch (error) {
      one.error = error instanceof AwsError ? error.code : String(error);
      throw error;
    }
  };
  async function read<T>(key: string, next: () => Promise<T>): Promise<T> {
    const before = answers.get(key) as T | undefined;
    const answer = await next();
    answers.set(key, answer);
    return faults[0] === 'stale' && faults.shift() && before ? before : answer;
  }
  async function change<T>(next: () => Promise<T>): Promise<T> {
    const fault = faults.shift() ?? 'none';
    if (fault === 'throttled') throw new AwsError('RequestLimitExceeded', 'Request limit exceeded.', 503);
    if (fault === 'refused') throw new AwsError('IncorrectState', 'It is just changing.');
    const answer = await next();
    if (fault === 'lost reply') throw new ConnectionLost();
    crashed ||= fault === 'crash';
    return answer;
  }
  const cloud = quickCloud({ ...options, middleware: [watched] });
  const limit = throttle(cloud.clock);

  return {
    cloud,
    faults,
    denied,
    calls,
    pace,
    guard: (check: Check) => void checks.push(check),
    /** Resolves to the stack's seal, as it is now. */
    seal: async () => seal,
    /** Returns a tag's value with the seal of the stack, as the functions write it. */
    sign: (id: string, key: string, text: string) => seal.sign(id, key, text),
    /** The stack gets a key, or another one, at this moment. */
    exchangeKey: (...versions: number[]) => {
      seal = testSeal(cloud.clock.now(), versions);
    },
    /** Returns clients of a function. */
    clients(accessKeyId = 'AKIDFUNCTION') {
      callers.add(accessKeyId);
      const credentials = { accessKeyId, secretAccessKey: 'secret' };
      const client = { region: REGION, credentials, maxAttempts: 1 };
      return {
        ec2: byValue(new EC2Client(client), cloud.wire),
        elb: byValue(new ElasticLoadBalancingV2Client(client), cloud.wire),
        ssm: byValue(new SSMClient(client), cloud.wire),
        autoScaling: byValue(new AutoScalingClient(client), cloud.wire),
        s3: new S3Client({ region: REGION, credentials }),
      };
    },
    /** Runs one pass, of at most `ms` of the cloud's time, told to `log`. Rejects with what no pass survives: a crash, a look that failed. */
    async pass<World, S extends Step>(
      { observe, plan, act, sentence }: Reconciler<World, S> & { sentence(step: S): string },
      ms: number,
      log: string[] = [],
    ) {
      const outcome = await reconcile<World, S>(
        {
          observe: () => looking.run(true, observe),
          // What a look found is a plan's to read, never to change; what stands in the way it tells in facts.
          plan: (world) => factual(plan(frozen(world))),
          async act(step) {
            await act(step);
            if (crashed) throw new Crash();
          },
        },
        { now: cloud.clock.now, sleep: cloud.clock.sleep, deadline: cloud.clock.now() + ms },
        {
          acted: (step) => void log.push(sentence(step)),
          failed: (step, error) => {
            if (error instanceof Crash) throw error;
            log.push(`failed: ${sentence(step)}: ${error}`);
          },
          waits: (condition) => void log.push(aboutIt(condition)),
          refuses: (condition) => void log.push(aboutIt(condition)),
        },
      );
      return { ...outcome, log };
    },
    /** Nothing goes wrong any more. */
    recover: () => {
      faults.length = 0;
      crashed = false;
    },
  };
}

/** A Lambda's next invocation gets over such an error, or not. */
export const endsPass = (error: unknown): boolean =>
  error instanceof Crash || (error instanceof Error && error.name === 'RequestLimitExceeded');
