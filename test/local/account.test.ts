import { ServiceQuotas } from '@aws-sdk/client-service-quotas';
import { STS } from '@aws-sdk/client-sts';
import { expect, test } from '@jest/globals';
import { createIam } from '../../local/iam/iam.ts';
import { quotasService } from '../../local/services/service-quotas.ts';
import { identityService } from '../../local/services/sts.ts';
import { inProcess } from '../../local/wire/in-process.ts';
import { createWire } from '../../local/wire/wire.ts';

const place = { region: 'eu-central-1', account: '111122223333' };

/** Clients have this access key: the operator's, or that of a role that may do nothing. */
function clients(accessKeyId: 'operator' | 'worker') {
  const role = { name: 'worker', arn: `arn:aws:iam::${place.account}:role/worker`, trust: {}, policies: [] };
  const roles = new Map([['worker', { ...role, managedPolicyArns: [] }]]);
  const wire = createWire(
    { sts: identityService(place.account), servicequotas: quotasService(place) },
    {
      principal: (key) => roles.get(key)?.arn ?? `arn:aws:iam::${place.account}:user/${key}`,
      middleware: [createIam({ ...place, roles, find: () => undefined }).middleware],
    },
  );
  const config = {
    region: place.region,
    credentials: { accessKeyId, secretAccessKey: 'secret' },
    requestHandler: inProcess(wire),
  };
  return { sts: new STS(config), quotas: new ServiceQuotas(config) };
}

test.each<['operator' | 'worker', string, string]>([
  ['operator', 'arn:aws:iam::111122223333:user/operator', 'operator'],
  ['worker', 'arn:aws:sts::111122223333:assumed-role/worker/worker', 'AROAworker:worker'],
])('%s is told who it is, whatever it may do', async (key, Arn, UserId) => {
  expect(await clients(key).sts.getCallerIdentity({})).toMatchObject({ Account: place.account, Arn, UserId });
});

test('the account has the quotas that AWS gives each', async () => {
  const { quotas } = clients('operator');
  const { Quota } = await quotas.getServiceQuota({ ServiceCode: 'vpc', QuotaCode: 'L-29B6F2EB' });
  expect(Quota).toMatchObject({ QuotaName: 'Interface VPC endpoints per VPC', Value: 50, Adjustable: true });
  const { Quotas } = await quotas.listServiceQuotas({ ServiceCode: 'vpc' });
  expect(Quotas?.map(({ QuotaName }) => QuotaName)).toContain('Routes per route table');
  await expect(quotas.getServiceQuota({ ServiceCode: 'vpc', QuotaCode: 'L-0' })).rejects.toMatchObject({
    name: 'NoSuchResourceException',
  });
  await expect(quotas.listServiceQuotas({ ServiceCode: 'nothing' })).rejects.toMatchObject({
    name: 'NoSuchResourceException',
  });
  await expect(clients('worker').quotas.listServiceQuotas({ ServiceCode: 'vpc' })).rejects.toMatchObject({
    name: 'AccessDenied',
  });
});
