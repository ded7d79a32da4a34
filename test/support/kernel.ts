import { fabricUnavailable } from '../../local/fabric/available.ts';
import { describeUnless } from './describe-unless.ts';

/** A `describe` whose tests need root and eBPF. */
export const describeKernel = (name: string, tests: () => void) => describeUnless(fabricUnavailable(), name, tests);
