import { HOOK_PREFIX, isOurHook } from '../shared/routers/router.ts';
import { type Finding, finding } from './finding.ts';

/** An Auto Scaling group of routers. */
export interface ScalingGroup {
  name: string;
  /** The group carries the tag of routers itself, beside what its launch template has. */
  tagged: boolean;
  /** Names of its hooks. */
  hooks: string[];
}

/** The role may answer hooks of groups that carry the tag, and of the one that was named to the stack, which gave it hooks of its own. */
export function hooks(groups: readonly ScalingGroup[], stack: string, tagKey: string): Finding[] {
  const check = 'lifecycle hooks';
  return groups.flatMap(({ name, tagged, hooks }) => {
    const own = hooks.filter(isOurHook);
    const others = hooks.filter((hook) => !isOurHook(hook)).join(', ');
    const answered =
      tagged || own.includes(`${stack}-launch`)
        ? finding('ok', check, `${name}: may be answered`)
        : finding(
            'fault',
            check,
            `${name}: may not be answered, for the group itself has no tag ${tagKey}=router: each launch is given up`,
            `give the group that tag, beside the one of its launch template; or deploy with autoScalingGroup=${name}`,
          );
    const left = `${name}: ${others} is left to whoever set it up, for its name does not begin with ${HOOK_PREFIX}`;
    return [
      ...(own.length > 0 ? [answered] : []),
      ...(others && own.length > 0 ? [finding('ok', check, left)] : []),
      ...(others && own.length === 0
        ? [
            finding(
              'warning',
              check,
              left,
              `see that somebody completes it: else each launch and each end waits until it runs out. Meant for ziti-glb, it has to be put again as ${HOOK_PREFIX}-NAME, and deleted (aws autoscaling put-lifecycle-hook, delete-lifecycle-hook)`,
            ),
          ]
        : []),
    ];
  });
}
