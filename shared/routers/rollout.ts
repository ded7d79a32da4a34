import { type Condition, refused, waiting } from '../conditions/condition.ts';
import type { Ref } from '../ref.ts';
import { endOf, type Progress } from './join.ts';
import { aboutRouters, isHealthy, isUpgrade, mayServe, type Router, versionOf } from './router.ts';

export interface Wave {
  routers: Router[];
  conditions: Condition[];
}

/** Routers of one upgrade at a time: with DNS ranges each has a command of its own, which AWS cannot count together. */
const AT_ONCE = 5;

/**
 * Exchanges the diverters of the target group: first of one router, then zone by zone, a few at a time, each when what was
 * done before is healthy; never of all that are healthy at once; no further once one has failed, or ails. First come those
 * that serve nobody, and all of these at once if their program stays.
 */
export function nextWave(progress: Progress[]): Wave {
  const serving = progress.map(({ router }) => router).filter(({ phase }) => phase.kind === 'serving');
  const due = progress.filter(({ router }) => isUpgrade(router));
  if (due.length === 0) return { routers: [], conditions: [] };
  const { label, ids } = aboutRouters(...due.map(({ router }) => router));
  const about = { label: `the upgrade of ${label}`, ids };
  const ready = due
    .filter(({ next }) => next.is === 'install')
    .map(({ router }) => router)
    .toSorted((a, b) => Number(mayServe(a)) - Number(mayServe(b)) || zoneOf(a).localeCompare(zoneOf(b)));

  const failed = serving.find((router) => router.diverter === 'other' && hasFailed(router));
  const ailing = serving.find(({ diverter, target }) => diverter === 'wanted' && target?.state === 'unhealthy');
  const lost = due.find(({ router, next }) => next.is === 'wait' && !isBusy(router) && ails(router));
  const busy = serving.find((router) => isBusy(router) || (router.diverter === 'wanted' && !isHealthy(router)));
  const wave = (routers: Router[], ...conditions: Condition[]) => sparing({ routers, conditions }, serving, about);
  const [last] = failed?.instance.installs ?? [];
  if (failed && last) {
    const reason = { code: 'upgrade-failed', router: failed.label, ...endOf(last) } as const;
    return wave(
      ready.filter((router) => router === failed),
      refused(about, reason),
    );
  }
  const idle = ready.filter((router) => !mayServe(router) && keepsProgram(router));
  if (idle.length > 0) return { routers: idle, conditions: [] };
  const unhealthy = ailing ?? lost?.router;
  if (unhealthy) {
    const reason = { code: ailing ? 'upgrade-made-unhealthy' : 'upgrade-held-up', router: unhealthy.label } as const;
    // With nobody to serve there is nothing to lose: what failed there may help here.
    const nobody = !serving.some(mayServe) && !serving.some(isBusy);
    const routers = nobody ? ready.filter((router) => router !== ailing).slice(0, 1) : [];
    return wave(routers, refused(about, reason));
  }
  if (busy) return wave([], waiting(about, { code: 'upgraded-router-healthy', router: busy.label }));
  const proven = serving.some(({ diverter }) => diverter === 'wanted');
  const inZone = ready.filter((router) => ready[0] && zoneOf(router) === zoneOf(ready[0]));
  return wave(inZone.slice(0, proven ? AT_ONCE : 1));
}

/** Unless another is healthy, leaves those that may serve as they are: whom they trust may change, their program may not. */
function sparing(wave: Wave, serving: Router[], about: Ref): Wave {
  if (serving.some((router) => isHealthy(router) && !wave.routers.includes(router))) return wave;
  const routers = wave.routers.filter((router) => !mayServe(router) || keepsProgram(router));
  if (routers.length === wave.routers.length) return wave;
  return { routers, conditions: [...wave.conditions, refused(about, { code: 'last-router' })] };
}

const zoneOf = ({ instance }: Router) => instance.zone ?? '';

const isBusy = ({ instance }: Router) => instance.installs[0]?.status === 'running';

const keepsProgram = ({ present, wanted }: Router) => versionOf(present ?? '') === versionOf(wanted.fingerprint);

/** A router may ail by an upgrade whose command AWS has forgotten: it is unhealthy, and its program is to be another one. */
const ails = (router: Router) => router.target?.state === 'unhealthy' && !keepsProgram(router);

const hasFailed = ({ instance, wanted }: Router) =>
  instance.installs[0]?.status === 'failed' && instance.installs[0].fingerprint === wanted.fingerprint;
