import type { Step } from '../reconcile/plan.ts';
import type { RouteNote } from './route-note.ts';

/** One change to AWS, as small as AWS has it. Steps on one destination of one table depend on each other. */
export type SubnetsStep = Step &
  (
    | {
        kind: 'create-endpoint';
        vpcId: string;
        subnetId: string;
        serviceName: string;
        ipv6: boolean;
        generation: string;
      }
    | { kind: 'publish-zones'; context: { zones: string[] } }
    | { kind: 'accept-endpoints' | 'delete-endpoints'; endpointIds: string[] }
    /** Attachments of transit gateways. */
    | { kind: 'accept-attachments'; attachmentIds: string[] }
    | { kind: 'tag-endpoint'; endpointId: string; tags: { Key: string; Value: string }[] }
    | {
        kind: 'create-route' | 'replace-route';
        tableId: string;
        destination: string;
        target: string;
        before: string;
        context: RouteContext;
      }
    /** The route leads to what the note says; if that is gone, the note is made to say so. */
    | { kind: 'restore-route'; tableId: string; destination: string; note: RouteNote }
    /** The VPC's own route cannot be deleted: it is led to `local` again. */
    | { kind: 'delete-route' | 'reset-route'; tableId: string; destination: string; before: string }
    | { kind: 'write-note'; tableId: string; key: string; value: string; context: NoteContext }
    | { kind: 'erase-note'; tableId: string; note: RouteNote }
    /** A table's note is copied onto an endpoint. `key` and `value` are those on the table. */
    | { kind: 'copy-note'; endpointId: string; tableId: string; destination: string; key: string; value: string }
    | { kind: 'erase-copy'; endpointId: string; key: string; value: string }
    /** A subnet's tag keeps what the next look is to know. */
    | { kind: 'write-memory'; subnetId: string; key: string; value: string }
    | { kind: 'erase-memory'; subnetId: string; key: string }
    | { kind: 'set-status'; subnetIds: string[]; status: string; context: { subnets: string; text: string } }
    | { kind: 'clear-status'; subnetIds: string[]; context: { subnets: string } }
  );

export type StepOf<Kind extends SubnetsStep['kind']> = Extract<SubnetsStep, { kind: Kind }>;

/** A route is written for these: labels of subnets, or the id of the router whose DNS range it leads to. */
interface RouteContext {
  asking: string[];
  router: string | undefined;
  /** Subnets that it serves although they have no tag. */
  bystanders: { id: string; name: string }[];
}

/** A note is written since a route changes, from its copy on an endpoint, or since it lacks the seal that there is now. */
type NoteContext =
  | { why: 'route'; destination: string; target: string }
  | { why: 'lost'; endpointId: string | undefined }
  | { why: 'unsealed' };
