import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { explain, isThrottle } from './aws/advice.ts';
import { type Call, isChange, type Watchable, watchCalls } from './aws/calls.ts';
import { type Hint, parseHint } from './events.ts';
import { type Arrival, latencyTracker } from './latency.ts';
import { createLog, errorFields } from './log.ts';
import { createMetrics, type Measurements, type MetricName } from './metrics.ts';
import { createPassLog } from './pass-log.ts';
import { type Outcome, type Reconciler, reconcile, type Timing } from './reconcile/loop.ts';
import type { Step } from './reconcile/plan.ts';
import { withoutSecrets } from './secrets.ts';

/** Lambda's time has so much kept for the last look's calls, and for the log to be written. */
const RESERVE_MS = 20_000;
/** AWS's reads trail its writes: what happened this shortly before a look may not have been in it yet. */
const READ_LAG_MS = 10_000;

/** A reconciler that may look at more because of what woke it. */
type Woken<World, S extends Step> = Omit<Reconciler<World, S>, 'observe'> & {
  observe(hint: Hint): Promise<World>;
  /** A step for people. */
  sentence(step: S): string;
};

/** A function is measured by these, besides what its plan counts. */
export interface Measures {
  stack: string;
  /** The version of ziti-glb stands in each line of the log, and beside each metric. */
  version: string;
  /** SDK clients whose calls are counted. */
  clients: readonly Watchable[];
  /** The metric of how long what its plan times takes to arrive. */
  latencyMetric: MetricName;
}

/** A handler tells the time by this, and waits with it. */
type Time = Pick<Timing, 'now' | 'sleep'>;
const wallTime: Time = { now: Date.now, sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) };

/**
 * A Lambda handler that runs a reconciler whenever it is woken. Answers `covered` for a hint that an earlier look has
 * seen already, so that a storm of events costs one pass. Throws if steps still fail when its time is up.
 */
export function reconcilerHandler<World, S extends Step>(
  serviceName: string,
  reconciler: Woken<World, S>,
  measures: Measures,
  time: Time = wallTime,
) {
  const log = createLog(serviceName, measures.version);
  const publish = createMetrics(serviceName, measures);
  const calls: Call[] = [];
  for (const client of measures.clients) watchCalls(client, (call) => calls.push(call));
  const beginPass = createPassLog(log, time.now, reconciler.sentence, calls);
  const trackLatency = latencyTracker();
  let last: Outcome<S> | undefined;

  return middy()
    .use(injectLambdaContext(log, { resetKeys: true }))
    .handler(async (event: unknown, context: Context) => {
      const hint = parseHint(event);
      if (!hint) {
        log.warn('An event of an unknown kind was dropped', { event: JSON.stringify(event).slice(0, 4000) });
        return { dropped: true };
      }
      if (last && covers(last, hint)) return { covered: true };
      log.appendKeys({ pass: context.awsRequestId, cause: hint.cause });

      const began = time.now();
      const passLog = beginPass();
      const arrived: Arrival[] = [];
      let outcome: Outcome<S> | undefined;
      calls.length = 0;
      try {
        outcome = await reconcile<World, S>(
          {
            observe: () => reconciler.observe(hint),
            plan(world) {
              const plan = reconciler.plan(world);
              arrived.push(...trackLatency(plan.timed ?? [], time.now(), hint));
              return plan;
            },
            act(step) {
              passLog.begins();
              return reconciler.act(step);
            },
          },
          { ...time, deadline: began + context.getRemainingTimeInMillis() - RESERVE_MS },
          passLog,
        ).catch((error) => {
          const text = `It could not look at AWS. ${explain(error)}`;
          log.error(text, { error: errorFields(error) });
          throw blunt(text);
        });
        last = outcome;
        passLog.ends(outcome);
        const { settled, changes, failures } = outcome;
        const [first] = failures;
        if (first)
          throw blunt(`${failures.length} steps did not succeed, the first: ${reconciler.sentence(first.step)}`);
        return { settled, changes };
      } finally {
        const seconds = (some: readonly Arrival[]) => ({ [measures.latencyMetric]: some.map((each) => each.seconds) });
        const ofVpcs = [...(outcome?.gaugesOf ?? [])].map(([vpc, gauges]): [string, Measurements] => [
          vpc,
          { ...gauges, ...seconds(arrived.filter(({ vpcId }) => vpcId === vpc)) },
        ]);
        const all = {
          ...outcome?.gauges,
          Errors: outcome?.failures.length ?? 1,
          ...seconds(arrived),
          ChangingCalls: calls.filter((call) => isChange(call) && call.error === undefined).length,
          Throttles: calls.filter(({ error }) => isThrottle(error)).length,
          PassSeconds: (time.now() - began) / 1000,
        };
        publish(all, ofVpcs);
      }
    });
}

/** Lambda writes to the log what is thrown, as it is, with all that hangs on it. */
const blunt = (text: string) => new Error(withoutSecrets(text));

/** The last pass covers a hint that it has seen. What waits is looked at again every minute, what failed by the event's own retries. */
function covers(last: Outcome, hint: Hint): boolean {
  const told = hint.deletionAttempted !== undefined || hint.warning !== undefined;
  return last.failures.length === 0 && !told && hint.at + READ_LAG_MS < last.lookedAt;
}
