import { type Condition, type Reason, refused, waiting } from '../conditions/condition.ts';
import type { RoutersConfig } from '../config.ts';
import { joined, type Part } from '../reconcile/plan.ts';
import { aboutRouters, ENTERS_POOL, HOOK_PREFIX, mayGoBack, type Router, warningOf } from './router.ts';
import type { HookContext, RoutersStep } from './steps.ts';
import type { Hook, RoutersWorld, Scaling } from './world.ts';

/** A launch waits for this, and an end. */
type Awaits = Record<'launch' | 'end', Reason | undefined>;

/** A hook is kept waiting by a heartbeat each third of its timeout, and answered again after as long if it still holds. */
const BEATS = 3;

/**
 * Answers the lifecycle hooks that hold an instance: CONTINUE when it serves, or has left; a heartbeat until then; ABANDON for a
 * launch that takes too long, or whose instance AWS has warned of or somebody untagged meanwhile.
 * @param awaits what a launch waits for, and an end; undefined once the router is as it should be
 */
export function answerHooks(
  router: Router,
  { group, hooks, state }: Scaling,
  awaits: Awaits,
  { now }: RoutersWorld,
  { launchDeadline }: RoutersConfig,
): Part<RoutersStep> {
  const vain = whyInVain(router);
  const answers = asking(router, hooks).map((hook): Partial<Part<RoutersStep>> => {
    const awaited = hook.launching ? awaits.launch : awaits.end;
    const end = (result: 'CONTINUE' | 'ABANDON', context: HookContext): Partial<Part<RoutersStep>> =>
      isDue(hook, hook.completedAt, now)
        ? { steps: [{ kind: 'end-hook', result, ...on(hook, group, router), context, warn: result === 'ABANDON' }] }
        : {};
    if (!awaited) return end('CONTINUE', { why: 'done', back: state === ENTERS_POOL && !hook.launching });
    if (hook.launching && vain) return end('ABANDON', { why: 'vain', reason: vain });
    if (hook.launching && now - hook.heldAt > launchDeadline)
      return end('ABANDON', { why: 'late', after: launchDeadline, awaited });
    return hold(hook, group, router, awaited, now);
  });
  return joined(...answers);
}

/** Heartbeats for all that hooks hold, so that launches and ends stay as they are while nobody may answer them. */
export function holdHooks(router: Router, now: number): Part<RoutersStep> {
  const { group = '', hooks = [] } = router.instance.scaling ?? {};
  return joined(...asking(router, hooks).map((hook) => hold(hook, group, router, { code: 'stack-resumed' }, now)));
}

function hold(hook: Hook, group: string, router: Router, awaited: Reason, now: number): Part<RoutersStep> {
  const to = on(hook, group, router);
  return {
    steps: isDue(hook, hook.heartbeatAt, now) ? [{ kind: 'heartbeat', ...to, context: { awaited } }] : [],
    conditions: [waiting(to.about, awaited, now + hook.heartbeatTimeout / BEATS)],
  };
}

/** The launch hooks of one that goes back do not hold it. */
const asking = (router: Router, hooks: readonly Hook[]) =>
  mayGoBack(router) ? hooks.filter(({ launching }) => !launching) : hooks;

/** Not the router's own subject: what fails there must not keep a heartbeat back. */
const on = ({ name: hook }: Hook, group: string, { instance: { id }, label }: Router) => ({
  ...{ instanceId: id, group, hook },
  about: { label: `hook ${hook} of ${label}`, ids: [id, hook] },
});

/**
 * A launch is in vain if AWS has warned of its instance, or if that was untagged and has drained: its group can launch another.
 * @returns why it is; undefined while it may come to something
 */
function whyInVain({ instance, phase, target }: Router): Reason | undefined {
  if (phase.kind !== 'leaving') return undefined;
  const isOver = warningOf(instance) !== undefined || (instance.role === undefined && !target);
  return isOver ? phase.reason : undefined;
}

/**
 * Hooks of others hold a router which is as it should be, in a group that has none of ours for it: most likely they were meant
 * to be, and nobody answers them. Auto Scaling does not tell which of a group's hooks still hold.
 */
export function heldByOthers(router: Router, awaits: Awaits): Condition[] {
  const { scaling } = router.instance;
  if (!scaling || scaling.others.length === 0 || scaling.hooks.length > 0) return [];
  if (/Pending:Wait$/.test(scaling.state) ? awaits.launch : awaits.end) return [];
  return [refused(aboutRouters(router), { code: 'ready-but-held', ...otherHooks(scaling) })];
}

/** Hooks of others may hold it, as far as that is known. */
export const otherHooks = ({ group, state, others }: Scaling) => ({
  ...{ group, state, hooks: others.join(' and '), prefix: HOOK_PREFIX },
});

const isDue = ({ heartbeatTimeout }: Hook, saidAt: number | undefined, now: number) =>
  saidAt === undefined || now - saidAt >= heartbeatTimeout / BEATS;
