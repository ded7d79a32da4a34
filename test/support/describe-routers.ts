import { describe } from '@jest/globals';
import { findZiti, zitiUnavailable } from '../../local/fabric/ziti.ts';
import { describeKernel } from './kernel.ts';
import { openRouter, type RouterUnderTest } from './router-under-test.ts';

/** A controller is away for so many milliseconds: long enough to see all that follows from it, and not to wait for more of it. */
const AWAY = { stoodIn: 4_000, own: 120_000 };

/** Tests of such a `describe` are true of OpenZiti's own router, if there is one here, and of its stand-in alike. */
export function describeRouters(
  name: string,
  tests: (open: () => Promise<RouterUnderTest>, away: number) => void,
): void {
  describeKernel(`${name}, stood in for,`, () => tests(() => openRouter(), AWAY.stoodIn));
  const reason = zitiUnavailable();
  // Nobody has to have one, nor CI.
  if (reason) describe.skip(`${name}, OpenZiti's own,`, () => tests(() => Promise.reject(new Error(reason)), AWAY.own));
  else describeKernel(`${name}, OpenZiti's own,`, () => tests(() => openRouter(findZiti()), AWAY.own));
}
