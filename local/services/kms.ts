import { createHash, createHmac } from 'node:crypto';
import * as sdk from '@aws-sdk/client-kms';
import type { Clock } from '../clock.ts';
import type { Operations } from '../wire/api.ts';
import { AwsError } from '../wire/errors.ts';
import type { OperationService } from '../wire/wire.ts';

interface Key {
  arn: string;
  createdAt: number;
  policy: Record<string, unknown>;
  secret: Uint8Array;
}

export type Kms = ReturnType<typeof createKms>;

/** KMS has HMAC keys, which stacks make and whose policies say who may use them. */
export function createKms(clock: Clock, place: { region: string; account: string }) {
  const keys = new Map<string, Key>();
  const ofAccount = `arn:aws:kms:${place.region}:${place.account}:key/`;
  const leftToIam = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${place.account}:root` }, Action: 'kms:*', Resource: '*' },
    ],
  };

  function find(id: string): Key {
    const key = keys.get(id.split(':key/').at(-1) ?? id);
    if (!key) throw new AwsError('NotFoundException', `Key '${id}' does not exist`);
    return key;
  }

  const operations: Operations<typeof sdk> = {
    DescribeKey({ KeyId: given }) {
      const { arn: Arn, createdAt } = find(given);
      const KeyId = idOf(Arn);
      return { KeyMetadata: { KeyId, Arn, CreationDate: new Date(createdAt), KeySpec: 'HMAC_256', Enabled: true } };
    },

    /** https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateMac.html */
    GenerateMac({ KeyId: given, MacAlgorithm, Message }) {
      const { arn: KeyId, secret } = find(given);
      if (MacAlgorithm !== 'HMAC_SHA_256')
        throw new AwsError('InvalidKeyUsageException', `${KeyId} does not support the algorithm ${MacAlgorithm}`);
      if (Message.length < 1 || Message.length > 4096)
        throw new AwsError('ValidationException', 'the message must have 1 to 4096 bytes');
      return { KeyId, MacAlgorithm, Mac: createHmac('sha256', secret).update(Message).digest() };
    },
  };
  const service: OperationService = { kind: 'operations', protocol: 'awsJson1_1', sdk, operations };

  return {
    service,
    /** @param name the key's secret is the same for the same: runs can be compared */
    create(name: string, policy: Record<string, unknown>): string {
      const secret = createHash('sha256').update(`secret of ${name}`).digest();
      const hex = createHash('sha256').update(name).digest('hex');
      const id = [8, 4, 4, 4, 12].map((length, index) => hex.slice(index * 12, index * 12 + length)).join('-');
      const arn = `${ofAccount}${id}`;
      keys.set(id, { arn, createdAt: clock.now(), policy, secret });
      return arn;
    },
    setPolicy(arn: string, policy: Record<string, unknown>): void {
      find(arn).policy = policy;
    },
    remove: (arn: string) => void keys.delete(idOf(arn)),
    /**
     * The policy of a key, by the key's ARN: IAM alone lets nobody do anything with one. Of a key that is still to be made it is IAM alone
     * that says who may give it tags: https://docs.aws.amazon.com/kms/latest/developerguide/tag-permissions.html
     */
    policyOf: (arn: string) => keys.get(idOf(arn))?.policy ?? (arn.startsWith(ofAccount) ? leftToIam : undefined),
  };
}

const idOf = (arn: string) => arn.split(':key/').at(-1) ?? arn;
