import { describe, expect, test } from '@jest/globals';
import { consolePage, logLines } from '../../../shared/topology/links.ts';

const aws = { partition: 'aws', region: 'eu-central-1', stack: 'ziti-glb-prod' };

describe('a page of the console', () => {
  test.each([
    ['subnet-0a', 'vpcconsole/home?region=eu-central-1#SubnetDetails:subnetId=subnet-0a'],
    ['vpce-0a', 'vpcconsole/home?region=eu-central-1#EndpointDetails:vpcEndpointId=vpce-0a'],
    ['rtb-0a', 'vpcconsole/home?region=eu-central-1#RouteTableDetails:RouteTableId=rtb-0a'],
    ['i-0a', 'ec2/home?region=eu-central-1#InstanceDetails:instanceId=i-0a'],
  ])('of %s', (id, page) => {
    expect(consolePage(aws, id)).toBe(`https://eu-central-1.console.aws.amazon.com/${page}`);
  });

  test.each([
    ['aws-cn', 'cn-north-1', 'cn-north-1.console.amazonaws.cn'],
    ['aws-us-gov', 'us-gov-west-1', 'us-gov-west-1.console.amazonaws-us-gov.com'],
    ['aws-eusc', 'eusc-de-east-1', 'eusc-de-east-1.console.amazonaws-eusc.eu'],
  ])('in the partition %s', (partition, region, host) => {
    const place = { ...aws, partition, region };
    expect(new URL(consolePage(place, 'i-0a') ?? '').host).toBe(host);
    expect(new URL(logLines(place, 'i-0a') ?? '').host).toBe(host);
  });

  test('none where the console or the kind of thing is not known', () => {
    expect(consolePage({ ...aws, partition: 'aws-iso' }, 'i-0a')).toBeUndefined();
    expect(logLines({ ...aws, partition: 'aws-iso' }, 'i-0a')).toBeUndefined();
    expect(consolePage(aws, 'tgw-0a')).toBeUndefined();
  });
});

describe('log lines', () => {
  /** The console's notation is read back: `*` and two digits of hex for what is not plain. */
  const read = (address: string | undefined) =>
    address
      ?.split('queryDetail$3D')[1]
      ?.replace(/\*([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));

  test('of the last hour, of both reconcilers, that name it', () => {
    expect(read(logLines(aws, 'subnet-0a'))).toBe(
      `~(end~0~start~-3600~timeType~'RELATIVE~tz~'UTC~unit~'seconds` +
        `~editorString~'fields @timestamp, level, message\n| filter @message like "subnet-0a"\n| sort @timestamp desc\n| limit 200` +
        `~source~(~'/aws/lambda/ziti-glb-prod-subnets~'/aws/lambda/ziti-glb-prod-routers))`,
    );
  });

  test('of a spoke, which has no function for routers', () => {
    expect(read(logLines(aws, 'subnet-0a', undefined, ['subnets']))).toMatch(
      /~source~\(~'\/aws\/lambda\/ziti-glb-prod-subnets\)\)$/,
    );
  });

  test("of the dashboard's time range", () => {
    const range = { start: Date.UTC(2026, 0, 15, 14), end: Date.UTC(2026, 0, 15, 15) };
    expect(read(logLines(aws, 'i-0a', range))).toContain(
      "end~'2026-01-15T15:00:00.000Z~start~'2026-01-15T14:00:00.000Z~timeType~'ABSOLUTE~tz~'UTC~",
    );
  });

  test('an address as it is: nothing in it that has to be escaped again', () => {
    expect(logLines(aws, 'subnet-0a')).toMatch(/^[\w.:/?=#$~'()*-]+$/);
  });
});
