import { type Condition, refused } from '../conditions/condition.ts';
import type { RoutersConfig } from '../config.ts';
import type { Timed } from '../latency.ts';
import { joined, type Part, type Plan } from '../reconcile/plan.ts';
import { answerHooks, heldByOthers } from './hooks.ts';
import { awaited, join, type Progress, restoreChecks } from './join.ts';
import { DRAINING, leave, PER_REGISTRATION } from './leave.ts';
import { ranges } from './ranges.ts';
import { nextWave } from './rollout.ts';
import {
  aboutRouters,
  hasRoomFor,
  hasRoomToSpare,
  isForeign,
  isHealthy,
  isOutdated,
  isUnhealthy,
  isUpgrade,
  notedDiverter,
  ROUTER,
  type Router,
  routersOf,
  tooFull,
  unhealthySince,
  unnotedWarning,
  warningOf,
  whyNoTarget,
} from './router.ts';
import { chunks, type RoutersStep } from './steps.ts';
import { type RouterSummary, summariesOf } from './summaries.ts';
import type { RoutersWorld, Why } from './world.ts';

/** Instances that SendCommand takes in one call. */
const PER_COMMAND = 50;

export interface RoutersPlan extends Plan<RoutersStep> {
  summaries: RouterSummary[];
}

/** Tagged instances become healthy targets with the wanted diverter by these steps, and all others no targets. */
export function plan(world: RoutersWorld, config: RoutersConfig): RoutersPlan {
  const routers = routersOf(world, config);
  const { steps, conditions } = joined(
    // By the end of a pass that is cut short nobody knows it any more.
    ...routers.map((router) => noteWarning(router, config)),
    world.targetType === 'instance' ? work(routers, world, config) : { conditions: [ofAnotherType(world, config)] },
  );
  const summaries = summariesOf(routers, { steps, conditions });
  return { steps, conditions, gauges: gaugesOf(routers), timed: timedOf(routers), summaries };
}

/** An event alone says that AWS will take an instance back. A router's tag notes it, where every look finds it. */
function noteWarning(router: Router, config: RoutersConfig): Partial<Part<RoutersStep>> {
  const note = unnotedWarning(router, config);
  if (!note) return {};
  const { instance, label } = router;
  const key = config.leavingKey;
  if (!hasRoomFor(instance, key)) {
    return { conditions: [refused(aboutRouters(router), { code: 'no-room-for-warning', warning: note.text, key })] };
  }
  // Not the router's own subject: what fails there must not keep it in service.
  const about = { label: `the tag ${key} of ${label}`, ids: [instance.id, key] };
  return { steps: [{ kind: 'note-warning', instanceId: instance.id, ...note, about }] };
}

function work(routers: Router[], world: RoutersWorld, config: RoutersConfig): Part<RoutersStep> {
  const dns = ranges(routers, config, world.vpcCidrs);
  const progress = routers
    .filter(({ phase, noRoom }) => phase.kind !== 'leaving' && phase.kind !== 'refused' && noRoom.length === 0)
    .map((router) => join(router, dns.awaited.get(router), world, config));
  const wave = nextWave(progress);
  const may = ({ router }: Progress) => !isUpgrade(router) || wave.routers.includes(router);
  const leaves = leave(routers, world);
  const joins = new Map(progress.map((each) => [each.router, each]));
  const answers = joined(...routers.map((router) => hookAnswers(router, joins.get(router), world, config)));

  return {
    steps: [
      ...answers.steps,
      ...leaves.steps,
      // Before those that write another one in its place.
      ...routers.flatMap(sealNotes),
      ...dns.steps,
      ...progress.flatMap(({ steps }) => steps),
      ...routers.flatMap(restoreChecks),
      ...routers.flatMap((router) => noteDiverter(router, config)),
      ...registrations(progress.filter(({ registers }) => registers).map(({ router }) => router)),
      ...installations(progress.filter((each) => each.next.is === 'install' && may(each)).map(({ router }) => router)),
      ...routers.flatMap((router) => noteHealth(router, world.now, config)),
    ],
    conditions: [
      ...progress.flatMap(waitOf),
      ...routers.flatMap(refusal),
      ...leaves.conditions,
      ...wave.conditions,
      ...answers.conditions,
    ],
  };
}

/** A group that was taken, and has its targets by address: none of them is a router, and none is ours to take out. */
function ofAnotherType({ targetType }: RoutersWorld, { targetGroupArn }: RoutersConfig): Condition {
  return refused(
    { label: targetGroupArn.split(':').at(-1) ?? '', ids: [targetGroupArn] },
    { code: 'other-target-type', targetType },
  );
}

function waitOf({ router, next }: Progress): Condition[] {
  if (next.is !== 'wait') return [];
  const { is: _, ...rest } = next;
  return [{ about: aboutRouters(router), kind: 'waiting', ...rest }];
}

function refusal(router: Router): Condition[] {
  const { phase, instance, noRoom } = router;
  const about = aboutRouters(router);
  if (phase.kind === 'refused') return [refused(about, phase.reason)];
  if (phase.kind === 'serving' && noRoom.length > 0) return [refused(about, tooFull(instance, noRoom))];
  const warning = warningOf(instance);
  if (phase.kind !== 'serving' || !warning) return [];
  return [refused(about, { code: 'warned-alone', warning: warning.text })];
}

function hookAnswers(
  router: Router,
  progress: Progress | undefined,
  world: RoutersWorld,
  config: RoutersConfig,
): Part<RoutersStep> {
  const { scaling } = router.instance;
  if (!scaling) return joined();
  const end = router.target && DRAINING;
  const isUntagged = router.instance.role === undefined && !isForeign(router);
  const awaits = { launch: progress ? awaited(progress) : (isUntagged && end) || whyNoTarget(router), end };
  return joined(answerHooks(router, scaling, awaits, world, config), { conditions: heldByOthers(router, awaits) });
}

/** Notes from before there was a seal, or the one that there is now, are sealed anew. */
function sealNotes(router: Router): RoutersStep[] {
  const { id: instanceId, unsealed, state } = router.instance;
  if (state === 'terminated') return [];
  return unsealed.map((note) => ({ kind: 'seal-note', instanceId, ...note, about: aboutRouters(router) }));
}

/** A note tells of an install for longer than AWS keeps the history of commands. */
function noteDiverter(router: Router, { diverterKey }: RoutersConfig): RoutersStep[] {
  const { instance } = router;
  const { id: instanceId, installs, state } = instance;
  const last = installs.find(({ status }) => status === 'success');
  const noted = notedDiverter(instance);
  if (!last || state === 'terminated' || !hasRoomFor(instance, diverterKey) || (noted && noted.at >= last.requestedAt))
    return [];
  const { fingerprint, requestedAt: at, commandId, output } = last;
  const about = aboutRouters(router);
  return [{ kind: 'note-diverter', instanceId, fingerprint, at, about, context: { commandId, output } }];
}

/** Elastic Load Balancing does not tell since when a target is unhealthy. A router's tag does, until it is no more. */
function noteHealth(router: Router, now: number, config: RoutersConfig): RoutersStep[] {
  const { instance, phase, target, label } = router;
  const { id: instanceId, unhealthy: noted, state } = instance;
  const key = config.unhealthyKey;
  // Not the router's own subject: what fails there must not keep it from being put right.
  const about = { label: `the tag ${key} of ${label}`, ids: [instanceId, key] };
  const lasts = phase.kind === 'serving' && target?.state === 'unhealthy' && hasRoomToSpare(instance, key, config);
  if (noted && !lasts) return state === 'terminated' ? [] : [{ kind: 'forget-unhealthy', instanceId, about }];
  if (!lasts || !isUnhealthy(router) || unhealthySince(instance) !== undefined) return [];
  return [{ kind: 'note-unhealthy', instanceId, text: target.reason ?? target.state, at: now, about }];
}

function registrations(routers: Router[]): RoutersStep[] {
  return chunks(routers, PER_REGISTRATION).map((some) => ({
    kind: 'register',
    instanceIds: some.map(({ instance }) => instance.id),
    about: aboutRouters(...some),
  }));
}

/** One command is sent to all that get the same for the same reason. */
function installations(routers: Router[]): RoutersStep[] {
  const alike = Map.groupBy(routers, (router) => `${router.wanted.fingerprint} ${whyOf(router)}`);
  return [...alike.values()].flatMap((group) =>
    chunks(group, PER_COMMAND).flatMap(([first, ...rest]): RoutersStep[] => {
      if (!first) return [];
      const some = [first, ...rest];
      const { wanted } = first;
      return [
        {
          kind: 'install',
          instances: some.map(({ instance: { id, address } }) => ({ id, address })),
          ...wanted,
          why: whyOf(first),
          about: aboutRouters(...some),
        },
      ];
    }),
  );
}

function whyOf(router: Router): Why {
  if (isUpgrade(router)) return 'upgrade';
  return router.diverter === 'wanted' ? 'repair' : 'join';
}

/** A router's way begins with its launch and ends with its first good health. */
const timedOf = (routers: Router[]): Timed[] =>
  routers
    .filter(({ instance }) => instance.role === ROUTER)
    .map((router) => ({ id: router.instance.id, since: router.instance.launchedAt, arrived: isHealthy(router) }));

function gaugesOf(routers: Router[]): Record<string, number> {
  const count = (is: (router: Router) => boolean) => routers.filter(is).length;
  return {
    Routers: count(isToServe),
    HealthyRouters: count((router) => router.phase.kind === 'serving' && isHealthy(router)),
    UnhealthyRouters: count((router) => router.phase.kind === 'serving' && isUnhealthy(router)),
    JoiningRouters: count((router) => isToServe(router) && !isHealthy(router) && !isUnhealthy(router)),
    DrainingRouters: count(({ target }) => target?.state === 'draining'),
    RefusedRouters: count(({ phase }) => phase.kind === 'refused'),
    OutdatedRouters: count(isOutdated),
    RepairsOfLastHour: routers.flatMap(({ instance }) => instance.installs).filter(({ why }) => why === 'repair')
      .length,
  };
}

const isToServe = ({ phase, instance }: Router) =>
  phase.kind === 'serving' || (phase.kind === 'starting' && !/^Warmed/.test(instance.scaling?.state ?? ''));
