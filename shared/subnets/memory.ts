/** What a subnet's status tag tells the planner besides the person who reads it: nothing else remembers these. */
export interface Memory {
  /** When someone last tried to delete it, in milliseconds since the epoch; long ago if it does not say. */
  leavingSince: number;
  /** Id of the endpoint that serves it besides another subnet. */
  servedBy: string | undefined;
  /** Destinations of a table whose routes led elsewhere before, or of which that is said to be lost. */
  takenOver: { tableId: string; destinations: string[] } | undefined;
}

const LEAVING = /^leaving since (\S+)/;
const SHARED = /\. Served by (vpce-\S+) of \S+: AWS takes no second endpoint in /;
const TAKEN_OVER = /^ready. Taken over in (\S+): (.*?)(?:\. Served by .*)?$/;
const LOST = /^conflict: where (\S+) in (\S+) led before/;

export function memoryOf(status = ''): Memory {
  const [, tableId, list] = TAKEN_OVER.exec(status) ?? [];
  const [, lost, lostIn] = LOST.exec(status) ?? [];
  return {
    leavingSince: Date.parse(LEAVING.exec(status)?.[1] ?? '') || 0,
    servedBy: SHARED.exec(status)?.[1],
    takenOver:
      tableId !== undefined && list !== undefined
        ? { tableId, destinations: list.split(' ') }
        : lost !== undefined && lostIn !== undefined
          ? { tableId: lostIn, destinations: [lost] }
          : undefined,
  };
}

export const leavingText = (since: number) =>
  `leaving since ${new Date(since).toISOString()} because someone tried to delete it`;

/** Ends a status. */
export const sharing = ({ id, subnetId }: { id: string; subnetId: string }, zone: string) =>
  `. Served by ${id} of ${subnetId}: AWS takes no second endpoint in ${zone}`;

export const takenOverText = (tableId: string, destinations: readonly string[]) =>
  `ready. Taken over in ${tableId}: ${destinations.join(' ')}`;
