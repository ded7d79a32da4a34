import { DescribeKeyCommand, GenerateMacCommand, type KMSClient } from '@aws-sdk/client-kms';
import { createSeal, type Scope, type Seal } from '../seal.ts';

export interface Sealing extends Scope {
  /** ARN of the KMS key, which never leaves KMS. */
  keyArn: string;
  /** Counted up to exchange the keys that are made from it. */
  version: number;
}

/**
 * Makes the seal when it is first asked for, by a call for each key: for the rest of the process' life all else is done here.
 * Rejects with AWS's error as long as there is none: what cannot be verified is not acted on.
 */
export function sealer(kms: KMSClient, { keyArn: KeyId, version, ...scope }: Sealing): () => Promise<Seal> {
  let made: Promise<Seal> | undefined;

  async function keyOf(number: number): Promise<[number, Uint8Array]> {
    const Message = new TextEncoder().encode(`ziti-glb tags v${number} ${scope.stack}`);
    const { Mac } = await kms.send(new GenerateMacCommand({ KeyId, MacAlgorithm: 'HMAC_SHA_256', Message }));
    if (Mac?.length !== 32) throw new Error(`KMS made no key from ${KeyId}`);
    return [number, Mac];
  }

  async function make(): Promise<Seal> {
    const versions = [version, version - 1].filter((number) => number > 0);
    const [{ KeyMetadata }, ...keys] = await Promise.all([
      kms.send(new DescribeKeyCommand({ KeyId })),
      ...versions.map(keyOf),
    ]);
    return createSeal(new Map(keys), scope, KeyMetadata?.CreationDate?.getTime() ?? 0);
  }

  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
