import { reasonText } from '../conditions/sentences.ts';
import { labelled, minuteOf } from '../sentences.ts';
import { type Health, NO_DIVERTER } from './router.ts';
import { isForPeople, type RoutersStep, type StepOf } from './steps.ts';
import type { Why } from './world.ts';

/** A step as the log, `plan` and `explain` tell it. */
export const stepSentence = (step: RoutersStep): string =>
  saysSubject(step) ? deed(step) : labelled(step, deed(step));

const saysSubject = (step: RoutersStep) =>
  step.kind === 'note-warning' || step.kind === 'deregister' || isForPeople(step);

/** A step for people who know which router or hook it is about. */
export function deed(step: RoutersStep): string {
  switch (step.kind) {
    case 'source-dest-check-off':
      return `source/dest check of ${step.interfaceId} goes off, for answers carry the service's address`;
    case 'source-dest-check-on':
      return `source/dest check of ${step.interfaceId} goes on again, as it was before`;
    case 'note-check':
      return `is noted as having had the source/dest check of ${step.interfaceIds.join(', ')} on`;
    case 'forget-check':
      return 'the note of its source/dest check goes';
    case 'seal-note':
      return `its tag ${step.key} gets the seal of this stack`;
    case 'install': {
      const range = step.range ? ` with DNS range ${step.range}` : '';
      return `${step.instances.length > 1 ? 'get' : 'gets'} the diverter ${step.fingerprint}${range}, ${REASONS[step.why]}`;
    }
    case 'note-diverter': {
      if (step.fingerprint === NO_DIVERTER) return 'is noted as having no diverter yet, to be registered meanwhile';
      const { commandId, output } = step.context ?? {};
      return `has its diverter, by command ${commandId}${output ? `: ${output}` : ''}`;
    }
    case 'note-warning':
    case 'note-unhealthy':
      return `${step.about.label} notes: ${step.text}`;
    case 'forget-unhealthy':
      return `${step.about.label} is erased`;
    case 'register':
      return `${step.instanceIds.length > 1 ? 'join' : 'joins'} the target group`;
    case 'deregister':
      return `the target group is left by ${step.context.leaving.map((each) => `${each.label}, for ${reasonText(each.reason)}`).join('; ')}`;
    case 'heartbeat':
      return `is to wait on for ${reasonText(step.context.awaited)}`;
    case 'end-hook':
      return answer(step);
    case 'claim-range':
      return `gets the DNS range ${step.range}${step.context.held ? `, instead of ${step.context.held}` : ''}`;
    case 'release-range':
      return `gives back the DNS range ${step.context.held}`;
  }
}

/** A target's state, why, and since when, as far as they are known. */
export const healthSentence = ({ health, reason, since }: Health) =>
  `${health}${reason === undefined ? '' : `: ${reason}`}${since === undefined ? '' : ` since ${minuteOf(since)}`}`;

const REASONS: Record<Why, string> = {
  join: 'to join with',
  upgrade: 'in exchange for another one',
  repair: 'again, for its health checks fail',
};

function answer({ context }: StepOf<'end-hook'>): string {
  switch (context.why) {
    case 'done':
      return `lets it go ${context.back ? 'back to its warm pool, if it is that which holds it' : 'on, it is ready'}`;
    case 'vain':
      return `gives up its launch, since ${reasonText(context.reason)}`;
    case 'late':
      return `gives up its launch, which after ${Math.round(context.after / 60_000)} min still waits for ${reasonText(context.awaited)}`;
  }
}
