import type { RoutersConfig } from '../config.ts';
import { type Router, warningOf } from './router.ts';
import type { RoutersPlan, RoutersStep } from './steps.ts';
import type { Hook, RoutersWorld, Scaling } from './world.ts';

/** A hook is kept waiting by a heartbeat each third of its timeout, and answered again after as long if it still holds. */
const BEATS = 3;

/**
 * Answers the lifecycle hooks that hold an instance: CONTINUE when it serves, or has left; a heartbeat until then; ABANDON for a
 * launch that takes too long, or whose instance AWS has warned of meanwhile.
 * @param unready what it still waits for; undefined once it is as it should be
 */
export function answerHooks(
  { instance, label, standing }: Router,
  { group, hooks }: Scaling,
  unready: string | undefined,
  { now }: RoutersWorld,
  { launchDeadline }: RoutersConfig,
): Pick<RoutersPlan, 'steps' | 'waiting'> {
  const warned = standing.is === 'leaving' && warningOf(instance) !== undefined;
  const answers = hooks.map((hook) => {
    // Not the router's own subject: what fails there must not keep a heartbeat back.
    const subject = `hook ${hook.name} of ${label}`;
    const to = { subject, instanceId: instance.id, group, hook: hook.name };
    const end = (result: 'CONTINUE' | 'ABANDON', says: string): RoutersStep[] =>
      isDue(hook, hook.endedAt, now) ? [{ kind: 'end-hook', result, ...to, says, grave: result === 'ABANDON' }] : [];
    if (unready === undefined) return { steps: end('CONTINUE', `${subject}: lets it go on, it is ready`), waiting: [] };
    if (hook.launching && warned)
      return { steps: end('ABANDON', `${subject}: gives up its launch, since ${standing.why}`), waiting: [] };
    if (hook.launching && now - hook.heldAt > launchDeadline) {
      const says = `${subject}: gives up its launch, which after ${minutes(launchDeadline)} still waits for ${unready}`;
      return { steps: end('ABANDON', says), waiting: [] };
    }
    const until = now + hook.heartbeatTimeout / BEATS;
    const beat: RoutersStep = { kind: 'heartbeat', ...to, says: `${subject}: is to wait on for ${unready}` };
    return { steps: isDue(hook, hook.beatAt, now) ? [beat] : [], waiting: [{ subject, for: unready, until }] };
  });
  return { steps: answers.flatMap(({ steps }) => steps), waiting: answers.flatMap(({ waiting }) => waiting) };
}

const minutes = (ms: number) => `${Math.round(ms / 60_000)} min`;

const isDue = ({ heartbeatTimeout }: Hook, saidAt: number | undefined, now: number) =>
  saidAt === undefined || now - saidAt >= heartbeatTimeout / BEATS;
