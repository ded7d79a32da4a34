import { describe } from '@jest/globals';
import { findZiti, zitiUnavailable } from '../../local/fabric/ziti.ts';
import { describeKernel } from './kernel.ts';
import { openRouter, type RouterUnderTest } from './routers.ts';

/** A `describe` of what is true of OpenZiti's own router, if there is one here, and of its stand-in alike. */
export function describeRouters(name: string, tests: (open: () => Promise<RouterUnderTest>) => void): void {
  describeKernel(`${name}, stood in for,`, () => tests(() => openRouter()));
  const reason = zitiUnavailable();
  // It is nobody's duty to have one: not of CI either.
  if (reason) describe.skip(`${name}, OpenZiti's own,`, () => tests(() => Promise.reject(new Error(reason))));
  else describeKernel(`${name}, OpenZiti's own,`, () => tests(() => openRouter(findZiti())));
}
