import * as sdk from '@aws-sdk/client-service-quotas';
import type { Operations } from '../wire/api.ts';
import { AwsError } from '../wire/errors.ts';
import type { OperationService } from '../wire/wire.ts';

/** Quotas by service and code: each one's name and AWS's default. https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html, …/lambda/latest/dg/gettingstarted-limits.html */
const QUOTAS: Readonly<Record<string, Readonly<Record<string, readonly [name: string, value: number]>>>> = {
  vpc: {
    'L-F678F1CE': ['VPCs per Region', 5],
    'L-407747CB': ['Subnets per VPC', 200],
    'L-589F43AA': ['Route tables per VPC', 200],
    'L-93826ACB': ['Routes per route table', 500],
    'L-29B6F2EB': ['Interface VPC endpoints per VPC', 50],
  },
  lambda: { 'L-B99A9384': ['Concurrent executions', 1000] },
};

/** Service Quotas tells of the quotas that the box has: nobody has asked for more than AWS's defaults. */
export function quotasService({ region, account }: { region: string; account: string }): OperationService {
  const of = (service: string) => {
    const all = Object.hasOwn(QUOTAS, service) ? QUOTAS[service] : undefined;
    if (!all)
      throw new AwsError('NoSuchResourceException', `The request failed because the service ${service} is unknown`);
    return Object.entries(all).map(([code, [name, value]]) => ({
      ServiceCode: service,
      QuotaArn: `arn:aws:servicequotas:${region}:${account}:${service}/${code}`,
      QuotaCode: code,
      QuotaName: name,
      Value: value,
      Unit: 'None',
      Adjustable: true,
      GlobalQuota: false,
    }));
  };
  const one = ({ ServiceCode, QuotaCode }: { ServiceCode: string; QuotaCode: string }) => {
    const found = of(ServiceCode).find((each) => each.QuotaCode === QuotaCode);
    if (!found) throw new AwsError('NoSuchResourceException', `There is no quota ${QuotaCode} of ${ServiceCode}`);
    return { Quota: found };
  };
  const operations: Operations<typeof sdk> = {
    GetServiceQuota: one,
    GetAWSDefaultServiceQuota: one,
    ListServiceQuotas: ({ ServiceCode }) => ({ Quotas: of(ServiceCode) }),
    ListAWSDefaultServiceQuotas: ({ ServiceCode }) => ({ Quotas: of(ServiceCode) }),
  };
  return { kind: 'operations', protocol: 'awsJson1_1', sdk, operations };
}
