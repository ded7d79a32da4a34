import * as sdk from '@aws-sdk/client-sts';
import type { Operations } from '../wire/api.ts';
import type { OperationService } from '../wire/wire.ts';

/** STS tells who asks. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
export function identityService(account: string): OperationService {
  const operations: Operations<typeof sdk> = {
    GetCallerIdentity(_, { accessKeyId, principal }) {
      const [, role] = principal.split(':role/');
      const name = role?.split('/').at(-1);
      return {
        Account: account,
        UserId: name ? `AROA${name}:${name}` : accessKeyId,
        Arn: name ? `arn:aws:sts::${account}:assumed-role/${name}/${name}` : principal,
      };
    },
  };
  return { kind: 'operations', protocol: 'awsQuery', sdk, operations };
}
