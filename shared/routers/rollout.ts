import type { Waiting } from '../reconcile.ts';
import { failure, type Progress } from './join.ts';
import { isHealthy, isOutdated, type Router, versionOf } from './router.ts';

/** Whose diverter may be exchanged for the wanted one now, and why no more. */
export interface Wave {
  routers: Router[];
  waiting: Waiting[];
  refused: Waiting[];
}

/**
 * Exchanges the diverters of a fleet that serves: first of one router, then zone by zone, each when what was done before is
 * healthy; never of all that are healthy at once; no further once one has failed, or ails, with the wanted one.
 */
export function nextWave(progress: Progress[]): Wave {
  const serving = progress.map(({ router }) => router).filter(({ standing }) => standing.is === 'serving');
  const outdated = serving.filter(isOutdated);
  const wave: Wave = { routers: [], waiting: [], refused: [] };
  const [first] = outdated;
  if (!first) return wave;
  const subject = `the upgrade of ${outdated.map(({ label }) => label).join(', ')}`;
  const ready = progress
    .filter(({ router, next }) => next.is === 'install' && outdated.includes(router))
    .map(({ router }) => router);

  const failed = outdated.find(hasFailed);
  const ailing = serving.find(({ diverter, target }) => diverter === 'wanted' && target?.state === 'unhealthy');
  const busy = serving.find((router) => isBusy(router) || (router.diverter === 'wanted' && !isHealthy(router)));
  if (failed) {
    const [last] = failed.instance.installs;
    wave.refused.push({ subject, for: `stops at ${failed.label}: ${last ? failure(last) : ''}` });
    wave.routers = ready.filter((router) => router === failed);
  } else if (ailing) {
    wave.refused.push({ subject, for: `stops, for ${ailing.label} is unhealthy with the new diverter` });
  } else if (busy) {
    wave.waiting.push({ subject, for: `goes on when ${busy.label} is healthy` });
  } else {
    const proven = serving.some(({ diverter }) => diverter === 'wanted');
    const zone = ready.map(({ instance }) => instance.zone ?? '').sort()[0];
    const inZone = ready.filter(({ instance }) => instance.zone === zone);
    wave.routers = proven ? inZone : inZone.slice(0, 1);
  }
  return sparing(wave, serving, subject);
}

/** Leaves a lone healthy router as it is: whom it trusts may change, its program may not. */
function sparing(wave: Wave, serving: Router[], subject: string): Wave {
  if (wave.routers.length < serving.filter(isHealthy).length) return wave;
  const routers = wave.routers.filter(
    ({ present, wanted }) => versionOf(present ?? '') === versionOf(wanted.fingerprint),
  );
  if (routers.length === wave.routers.length) return wave;
  const why = 'waits for a second router to be healthy: it is the only one, and no upgrade puts the last one at risk';
  return { ...wave, routers, refused: [...wave.refused, { subject, for: why }] };
}

const isBusy = ({ instance }: Router) => instance.installs[0]?.status === 'running';

const hasFailed = ({ instance, wanted }: Router) =>
  instance.installs[0]?.status === 'failed' && instance.installs[0].fingerprint === wanted.fingerprint;
