import { type Condition, refused, said, waiting } from '../conditions/condition.ts';
import type { RoutersConfig } from '../config.ts';
import { joined, type Part } from '../reconcile/plan.ts';
import { aboutRouters, ENTERS_POOL, HOOK_PREFIX, mayGoBack, type Router, warningOf } from './router.ts';
import type { HookContext, RoutersStep } from './steps.ts';
import type { Hook, RoutersWorld, Scaling } from './world.ts';

/** A hook is kept waiting by a heartbeat each third of its timeout, and answered again after as long if it still holds. */
const BEATS = 3;

/**
 * Answers the lifecycle hooks that hold an instance: CONTINUE when it serves, or has left; a heartbeat until then; ABANDON for a
 * launch that takes too long, or whose instance AWS has warned of or somebody untagged meanwhile.
 * @param unready what a launch waits for, and an end; undefined once the router is as it should be
 */
export function answerHooks(
  router: Router,
  { group, hooks, state }: Scaling,
  unready: Record<'launch' | 'end', string | undefined>,
  { now }: RoutersWorld,
  { launchDeadline }: RoutersConfig,
): Part<RoutersStep> {
  const vain = whyInVain(router);
  const answers = asking(router, hooks).map((hook): Partial<Part<RoutersStep>> => {
    const lack = hook.launching ? unready.launch : unready.end;
    const end = (result: 'CONTINUE' | 'ABANDON', context: HookContext): Partial<Part<RoutersStep>> =>
      isDue(hook, hook.completedAt, now)
        ? { steps: [{ kind: 'end-hook', result, ...on(hook, group, router), context, warn: result === 'ABANDON' }] }
        : {};
    if (lack === undefined) return end('CONTINUE', { why: 'done', back: state === ENTERS_POOL && !hook.launching });
    if (hook.launching && vain) return end('ABANDON', { why: 'vain', reason: vain });
    if (hook.launching && now - hook.heldAt > launchDeadline)
      return end('ABANDON', { why: 'late', after: launchDeadline, lack });
    return hold(hook, group, router, lack, now);
  });
  return joined(...answers);
}

/** Heartbeats for all that hooks hold, so that launches and ends stay as they are while nobody may answer them. */
export function holdHooks(router: Router, now: number): Part<RoutersStep> {
  const { group = '', hooks = [] } = router.instance.scaling ?? {};
  return joined(...asking(router, hooks).map((hook) => hold(hook, group, router, 'a person to resume the stack', now)));
}

function hold(hook: Hook, group: string, router: Router, lack: string, now: number): Part<RoutersStep> {
  const to = on(hook, group, router);
  return {
    steps: isDue(hook, hook.heartbeatAt, now) ? [{ kind: 'heartbeat', ...to, context: { lack } }] : [],
    conditions: [waiting(to.about, said(lack), now + hook.heartbeatTimeout / BEATS)],
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
function whyInVain({ instance, phase, target }: Router): string | undefined {
  if (phase.kind !== 'leaving') return undefined;
  const isOver = warningOf(instance) !== undefined || (instance.role === undefined && !target);
  return isOver ? phase.why : undefined;
}

/**
 * Hooks of others hold a router which is as it should be, in a group that has none of ours for it: most likely they were meant
 * to be, and nobody answers them. Auto Scaling does not tell which of a group's hooks still hold.
 */
export function heldByOthers(router: Router, unready: Record<'launch' | 'end', string | undefined>): Condition[] {
  const { scaling } = router.instance;
  if (!scaling || scaling.others.length === 0 || scaling.hooks.length > 0) return [];
  const lack = /Pending:Wait$/.test(scaling.state) ? unready.launch : unready.end;
  if (lack !== undefined) return [];
  return [refused(aboutRouters(router), said(`it is ready, and ${foreignHooks(scaling)}`))];
}

/** Hooks of others may hold it, and so much can be done about that. */
export const foreignHooks = ({ group, state, others }: Scaling) =>
  `${group} holds it ${state} for ${others.join(' and ')}: no hook is answered here whose name does not begin with ${HOOK_PREFIX}, so whoever set it up has to complete it, or to put it again under such a name`;

const isDue = ({ heartbeatTimeout }: Hook, saidAt: number | undefined, now: number) =>
  saidAt === undefined || now - saidAt >= heartbeatTimeout / BEATS;
