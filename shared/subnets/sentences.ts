import { labelled, several } from '../sentences.ts';
import type { StepOf, SubnetsStep } from './steps.ts';
import { label, MISSING } from './world.ts';

/** A step as the log and `plan` tell it. */
export const stepSentence = (step: SubnetsStep): string => {
  const deed = deedOf(step, false);
  return step.kind === 'create-endpoint' || step.kind === 'tag-endpoint' ? labelled(step, deed) : deed;
};

/** A step that is not done yet, for people who know which subnet or endpoint it is about. */
export const nextDeed = (step: SubnetsStep) => deedOf(step, true);

function deedOf(step: SubnetsStep, next: boolean): string {
  switch (step.kind) {
    case 'create-endpoint':
      return 'gets an endpoint';
    case 'publish-zones':
      return `the endpoint service is to serve ${step.context.zones.join(', ')}, where the load balancer is already`;
    case 'accept-endpoints':
      return `the endpoint service accepts ${step.endpointIds.join(', ')}`;
    case 'accept-attachments':
      return `the endpoint service accepts transit gateways by ${step.attachmentIds.join(', ')}`;
    case 'delete-endpoints':
      return `${step.endpointIds.join(', ')} deleted: nothing needs it`;
    case 'tag-endpoint':
      return `gets the tags ${step.tags.map(({ Key, Value }) => `${Key}=${Value}`).join(', ')}`;
    case 'create-route':
    case 'replace-route': {
      const { asking, router, bystanders } = step.context;
      const by = router === undefined ? asking.join(', ') : `the DNS range of ${router}`;
      const missing = step.before === MISSING;
      const [leads, was] = next
        ? ['is to lead', missing ? 'and is missing' : `and leads to ${step.before}`]
        : ['now leads', missing ? 'was missing' : `led to ${step.before}`];
      const also = bystanders.length > 0 ? `; it also serves ${several(bystanders.map(label))}` : '';
      return `${by}: ${routeIn(step)} ${leads} to ${step.target}, ${was}${also}`;
    }
    case 'restore-route':
      return `${routeIn(step)} is given back to ${step.note.target}`;
    case 'reset-route':
      return `${routeIn(step)}, the VPC's own, leads to local again, led to ${step.before}`;
    case 'delete-route':
      return `${routeIn(step)} to ${step.before} is deleted`;
    case 'write-note':
      return `${step.tableId}: ${noteSentence(step)}`;
    case 'erase-note':
      return `${step.tableId}: ${step.note.key} is erased`;
    case 'copy-note':
      return `${step.endpointId}: a tag copies what ${step.tableId} notes for ${step.destination}`;
    case 'erase-copy':
      return `${step.endpointId}: ${step.key} is erased`;
    case 'write-memory':
      return `${step.about.label} notes: ${step.value}`;
    case 'erase-memory':
      return `${step.about.label} is erased`;
    case 'set-status':
      return `${step.context.subnets}: ${step.context.text}`;
    case 'clear-status':
      return `${step.context.subnets}: is opted out`;
  }
}

const routeIn = ({ destination, tableId }: { destination: string; tableId: string }) =>
  `route ${destination} in ${tableId}`;

function noteSentence({ key, context }: StepOf<'write-note'>): string {
  switch (context.why) {
    case 'route':
      return `a tag notes ${context.target} for ${context.destination}`;
    case 'lost':
      return `its tag ${key} was lost, and is written again as ${context.endpointId} has it`;
    case 'unsealed':
      return `its tag ${key} gets the seal of this stack`;
  }
}
