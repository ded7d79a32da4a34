import type { Clock } from '../clock.ts';
import type { Answer } from './tenant.ts';

/** Not refused, not unreachable, not for want of a tool: packets that nobody answers. */
export function isSilence(answer: Answer): boolean {
  return 'failed' in answer && answer.timedOut;
}

/** Looks ten times a second of the wall's time until `seen` holds; `bound` is in milliseconds of the cloud's. */
export async function until(clock: Clock, what: string, bound: number, seen: () => Promise<boolean>): Promise<void> {
  const deadline = clock.now() + bound;
  while (!(await seen())) {
    if (clock.now() > deadline) throw new Error(`waited ${seconds(bound)} of the cloud's time for ${what}, in vain`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export function expect(holds: boolean, what: string, seen?: unknown): void {
  if (!holds) throw new Error(`expected: ${what}${seen === undefined ? '' : `; seen: ${JSON.stringify(seen)}`}`);
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
