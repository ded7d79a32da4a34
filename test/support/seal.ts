import { createSeal, type Scope, type Seal } from '../../shared/seal.ts';

const scope = {
  partition: 'aws',
  region: 'eu-central-1',
  account: '111122223333',
  stack: 'ziti-glb-test',
  tagKey: 'ziti-glb',
};

/** KMS would have a stack's seal made so. @param since when the stack got its key: long ago, if not given */
export const testSeal = (since = 0, versions = [1], of: Partial<Scope> = {}): Seal =>
  createSeal(
    new Map(versions.map((version) => [version, new Uint8Array(32).fill(version)])),
    { ...scope, ...of },
    since,
  );
