import type { Table } from './words.ts';

/** Reasons of the routers. */
export const ROUTERS = {
  'health-checks': ({ state, why }: { state: string; why: string | undefined }) =>
    `its health checks to pass, it is ${state}${why ? ` (${why})` : ''}`,
} as const satisfies Table;
