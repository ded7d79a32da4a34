import { fabricUnavailable } from '../../local/fabric/available.ts';
import { describeUnless } from './describe-unless.ts';

/** Tests of such a `describe` need root and eBPF. */
export const describeKernel = (name: string, tests: () => void) => describeUnless(fabricUnavailable(), name, tests);
