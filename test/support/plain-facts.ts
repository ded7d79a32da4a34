import type { Part } from '../../shared/reconcile/plan.ts';

/** The same plan, if its conditions' reasons are facts alone: text, numbers and the like, which JSON keeps, and nothing that could not cross a wire. */
export function factual<P extends Pick<Part<unknown>, 'conditions'>>(plan: P): P {
  for (const { reason } of plan.conditions)
    if (!isPlain(reason)) throw new Error(`${reason.code} has a fact that is no plain value`);
  return plan;
}

export function isPlain(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null)
    return value === undefined || typeof value === 'string' || typeof value === 'boolean';
  const proto = Object.getPrototypeOf(value);
  return (proto === Object.prototype || proto === Array.prototype) && Object.values(value).every(isPlain);
}
