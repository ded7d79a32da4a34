import { LATER, type Obstacle, type Reason } from '../conditions/condition.ts';
import type { RoutersConfig } from '../config.ts';
import { aboutRouters, agentLostAt, bareSince, healthOf, isOutdated, NO_DIVERTER, type Router } from './router.ts';
import type { RoutersStep } from './steps.ts';
import type { Install, Instance, RoutersWorld } from './world.ts';

/** A router has come so far on its way to serve. */
export interface Progress {
  router: Router;
  /** Changes that wait for nothing else. */
  steps: RoutersStep[];
  /** It is to be registered now, whatever else is next. */
  registers: boolean;
  next: { is: 'done' | 'register' | 'install' } | ({ is: 'wait' } & Omit<Obstacle, 'kind'>);
}

/** Agents register within minutes, or never. */
const AGENT_PATIENCE_MS = 15 * 60_000;
/** An install that failed is tried again after so long, doubled with each, so that what it failed on can be mended. */
const RETRY_MS = 60_000;
/** install.sh says so of a link that S3 takes no more. A fresh one is signed by the session that there is now. */
const LINK_EXPIRED = /the link to the diverter has expired/;
/** An unhealthy router is given so long before its diverter is put right again, doubled with each try. */
const REPAIR_MS = 120_000;

/** While an install runs whose end opens the way to health: the load balancer's own checks are five seconds apart. */
const CLOSE_MS = 2_000;
const NOTED_INTERFACES = 10;

/**
 * A router comes one step nearer to serve: each step needs the one before it to have been seen. Only the registration, which takes AWS minutes, runs
 * beside the install where the target group asks the diverter: a router's health check fails until that is there. Anybody can
 * answer it who is no router: so it is not before an agent of Systems Manager is there to answer for the machine, unless the stack
 * names where its routers stand, and not after an install that failed.
 * @param range its DNS range, if it waits for that
 */
export function join(router: Router, range: Reason | undefined, world: RoutersWorld, config: RoutersConfig): Progress {
  const { instance, phase, target, diverter, proven } = router;
  const checked = instance.interfaces.filter(({ sourceDestCheck }) => sourceDestCheck);
  // What is no router keeps its check.
  const checks = proven && checked.length > 0 ? turnOff(router) : [];
  const named = config.routerSubnets.length > 0 || config.routerProfile !== '';
  const answerable = proven || named || instance.agentOnline;
  const asks = config.healthPort !== '' && phase.kind === 'serving' && !range && world.nodes.length > 0;
  const early = asks && answerable && !hasFailed(router) && !target;
  const steps = early && !instance.diverter && diverter === 'none' ? [...checks, noteNone(router, world.now)] : checks;
  // By that note it is known for ours when the tag is taken away.
  const registers = early && instance.diverter !== undefined;
  const at = (next: Progress['next']): Progress => ({ router, steps, registers, next });
  const wait = (reason: Reason, until?: number) => at({ is: 'wait', reason, until });

  if (phase.kind === 'starting') return wait({ code: 'instance-started' });
  if (config.diverter === 'own' && world.nodes.length === 0) return wait({ code: 'load-balancer-addresses' });
  if (range) return wait(range, LATER);

  const draining = () => wait({ code: 'drained-to-join' });
  // Its connections are to end by themselves, under the diverter that they have.
  if (target?.state === 'draining' && diverter === 'other') return draining();
  const lost = target?.state === 'unhealthy';
  if (diverter !== 'wanted' || lost) {
    const next = install(router, world.now);
    if (next?.is === 'wait' && target && checked.length > 0 && isRunning(router))
      return at({ ...next, until: world.now + CLOSE_MS });
    if (next) return at(next);
  }
  if (phase.kind === 'prepared') return at({ is: 'done' });
  if (checks.length > 0) return wait({ code: 'source-dest-check' });
  if (!target)
    return instance.diverter
      ? { ...at({ is: 'register' }), registers: true }
      : wait({ code: 'tag-written', key: config.diverterKey });
  if (target.state === 'draining') return draining();
  if (target.state === 'healthy') return at({ is: 'done' });
  const { state, reason: why } = target;
  const reason = { code: 'health-checks', state, why } as const;
  return at({ is: 'wait', reason, since: healthOf(router).since, until: lost ? LATER : undefined });
}

/** A note goes before, so that it is known which interfaces get their check back when the tag goes. */
function turnOff(router: Router): RoutersStep[] {
  const { id: instanceId, interfaces, unchecked = [] } = router.instance;
  const about = aboutRouters(router);
  const on = interfaces.filter(({ sourceDestCheck }) => sourceDestCheck).map(({ id }) => id);
  const present = unchecked.filter((id) => interfaces.some((face) => face.id === id));
  const interfaceIds = [...new Set([...present, ...on])].slice(0, NOTED_INTERFACES);
  const noted = on.every((id) => unchecked.includes(id));
  return [
    ...(noted ? [] : [{ kind: 'note-check' as const, instanceId, interfaceIds, about }]),
    ...on.map(
      (interfaceId): RoutersStep => ({ kind: 'source-dest-check-off', interfaceId, about, before: 'on', after: 'off' }),
    ),
  ];
}

/** An instance that is no router any more gets its source/dest check back, once it has drained. */
export function restoreChecks(router: Router): RoutersStep[] {
  const { instance, phase, target } = router;
  const about = aboutRouters(router);
  const { id: instanceId, interfaces, unchecked, role, state } = instance;
  const isOver = role === undefined || phase.kind === 'refused';
  if (!unchecked || !isOver || target || state === 'shutting-down' || state === 'terminated') return [];
  const off = interfaces.filter(({ id, sourceDestCheck }) => !sourceDestCheck && unchecked.includes(id));
  if (off.length === 0) return [{ kind: 'forget-check', instanceId, about }];
  return off.map(({ id }) => ({
    kind: 'source-dest-check-on',
    interfaceId: id,
    about,
    before: 'off',
    after: 'on',
  }));
}

const isRunning = ({ instance }: Router) => instance.installs[0]?.status === 'running';

/** An install has failed since the instance was started. */
const hasFailed = ({ instance }: Router) =>
  instance.installs.some(({ status, requestedAt }) => status === 'failed' && requestedAt >= bareSince(instance));

/** A target is unproven that was registered while it was installed, and that has failed: what may answer its health checks is no diverter of ours. */
export const isUnproven = (router: Router) => hasNone(router.instance) && !router.proven && hasFailed(router);

/** An instance has no diverter by our note, or because that is of another root volume. */
const hasNone = ({ diverter, rootedAt }: Router['instance']) =>
  diverter !== undefined && (diverter.text === NO_DIVERTER || diverter.at < rootedAt);

/** A note makes it known for ours, as a target, before it has a diverter. */
const noteNone = (router: Router, at: number): RoutersStep => ({
  kind: 'note-diverter',
  instanceId: router.instance.id,
  fingerprint: NO_DIVERTER,
  at,
  about: aboutRouters(router),
});

/** A router is to be installed now, or waits for something first; undefined if there is nothing to put right yet. */
function install(router: Router, now: number): Progress['next'] | undefined {
  const { instance, diverter, wanted } = router;
  const agent = agentAwaited(instance, now);
  if (agent?.reason.code === 'agent-lost') return { is: 'wait', ...agent };
  const [last] = instance.installs;
  if (last?.status === 'running') {
    const { commandId, details, requestedAt } = last;
    return { is: 'wait', reason: { code: 'command-running', commandId, details }, since: requestedAt };
  }

  const tries = instance.installs.filter(
    ({ fingerprint, requestedAt }) => fingerprint === wanted.fingerprint && requestedAt >= bareSince(instance),
  );
  const repairs = diverter === 'wanted';
  // What failed is tried again; what has not helped the health checks is, too.
  const counted = repairs ? tries : tries.filter(({ status }) => status !== 'success');
  const [latest, before] = counted;
  const since = latest?.requestedAt ?? (repairs ? instance.diverter?.at : undefined);
  const due = (since ?? 0) + (repairs ? REPAIR_MS : RETRY_MS) * 2 ** Math.max(0, counted.length - 1);
  const byLink = latest !== undefined && LINK_EXPIRED.test(latest.output) && !LINK_EXPIRED.test(before?.output ?? '');
  if (since !== undefined && now < due && !byLink) {
    if (!latest || latest.status === 'success') return undefined;
    return { is: 'wait', reason: { code: 'install-failed', ...endOf(latest) }, until: due, since, warn: true };
  }

  return agent ? { is: 'wait', ...agent } : { is: 'install' };
}

/** An agent that is not online is waited for by whoever would send its instance a command; undefined if it is. */
export function agentAwaited(instance: Instance, now: number): Obstacle | undefined {
  if (instance.agentOnline) return undefined;
  const late = { kind: 'waiting', until: LATER, warn: true } as const;
  const heardAt = agentLostAt(instance);
  if (heardAt !== undefined) return { ...late, reason: { code: 'agent-lost', heardAt } };
  const since = bareSince(instance);
  const minutes = AGENT_PATIENCE_MS / 60_000;
  return now - since <= AGENT_PATIENCE_MS
    ? { kind: 'waiting', reason: { code: 'agent-online', minutes }, since }
    : { ...late, reason: { code: 'agent-missing', minutes }, since };
}

/** A router waits for this until it is as it should be; undefined if it is. One that serves with an older diverter does serve. */
export function awaited({ router, next }: Progress): Reason | undefined {
  if (next.is === 'done' || isOutdated(router)) return undefined;
  if (next.is === 'wait') return next.reason;
  return { code: next.is === 'register' ? 'registration' : 'diverter-installed' };
}

/** A command has ended so, with the last it said. */
export const endOf = ({ commandId, details, output }: Install) => ({ commandId, details, output });
