import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { SSM } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { NetworkParameters } from '../../local/stack/package.ts';
import { describePackaged, packaged, temporaryFolder } from '../support/packaged.ts';
import { type StackInBox, stackInBox } from '../support/stack.ts';

/** An earlier version might have been packaged so: another script, one rule less, an alarm that is no more. */
function earlier({ vpcId, subnetIds }: NetworkParameters): string {
  const folder = temporaryFolder('earlier-');
  cpSync(packaged({ parameters: { vpcId, subnetIds } }), folder, { recursive: true });
  const path = join(folder, 'cloudformation-template-update-stack.json');
  const template = JSON.parse(readFileSync(path, 'utf8'));
  const { Resources } = template;
  Resources.InstallDocument.Properties.Content.description = 'As it was before';
  const rule = Object.keys(Resources).find((id) =>
    JSON.stringify(Resources[id].Properties.EventPattern)?.includes('CreateRoute'),
  );
  const permission = Object.keys(Resources).find(
    (id) => Resources[id].Type === 'AWS::Lambda::Permission' && JSON.stringify(Resources[id]).includes(`"${rule}"`),
  );
  delete Resources[String(rule)];
  delete Resources[String(permission)];
  Resources.FormerAlarm = Resources.RouterUnhealthy;
  // The new version may do this more.
  for (const { PolicyDocument } of Resources.SubnetsRole.Properties.Policies)
    PolicyDocument.Statement = PolicyDocument.Statement.filter(
      ({ Action }: { Action: unknown }) => !JSON.stringify(Action).includes('ReplaceRoute'),
    ).concat({ Effect: 'Allow', Action: ['ec2:CreateRoute', 'ec2:DeleteRoute'], Resource: '*' });
  writeFileSync(path, JSON.stringify(template));
  return folder;
}

describePackaged('a new version', () => {
  let stack: StackInBox;
  beforeAll(async () => {
    stack = await stackInBox({ packaged: earlier });
  });
  afterAll(() => stack?.box.close());

  test('over an old one, in the middle of an opt-in, tears nothing down, and the opt-in goes on', async () => {
    const { box, operator, until, routed, log } = stack;
    const { endpoint, credentials, region, network } = box;
    const client = { endpoint, region, credentials };
    const [elb, ssm] = [new ElasticLoadBalancingV2(client), new SSM(client)];
    const physical = () =>
      [
        'LoadBalancer',
        'TargetGroup',
        'Listener',
        'EndpointService',
        'InstallDocument',
        'RoutersRole',
        'SubnetsRole',
      ].map((id) => box.stack.resources.get(id)?.made.ref);

    await Promise.all(['router-1', 'router-2'].map((name, zone) => operator.launch(name, zone)));
    const healthy = async () =>
      [...(await operator.health()).values()].filter((state) => state === 'healthy').length === 2;
    await until('two healthy routers', healthy);
    await operator.tag('app-b', '10.30.0.0/16');
    const served = await routed('10.30.0.0/16');
    await operator.tag('app-a', '10.20.0.0/16');
    const [begun] = await until('endpoint that is pending', async () => {
      const pending = (await operator.endpoints()).filter(({ State }) => State?.toLowerCase() === 'pending');
      return pending.length > 0 && pending;
    });

    // A router that serves must serve throughout.
    let watching = true;
    const disturbances: string[] = [];
    const watch = (async () => {
      while (watching) {
        if (!(await healthy())) disturbances.push('a router is not healthy');
        const routes = await operator.endpointRoutes();
        if (
          !routes.some(
            ({ destination, endpointId }) => destination === served.destination && endpointId === served.endpointId,
          )
        )
          disturbances.push('the route of app-b is gone');
      }
    })();
    const before = physical();
    const changed = {
      failover: 'rebalance',
      idleTimeout: '120',
      healthyThreshold: '3',
      logRetention: '90',
      defaultCidrs: '100.96.0.0/12',
    };
    const after = await box.deploy(
      packaged({ parameters: { vpcId: network.vpcId, subnetIds: network.subnetIds, ...changed } }),
    );
    await routed('10.20.0.0/16');
    watching = false;
    await watch;

    expect(disturbances).toEqual([]);
    expect(before).toEqual(
      [
        'LoadBalancer',
        'TargetGroup',
        'Listener',
        'EndpointService',
        'InstallDocument',
        'RoutersRole',
        'SubnetsRole',
      ].map((id) => after.resources.get(id)?.made.ref),
    );
    const endpoints = await operator.endpoints();
    expect(endpoints.map(({ VpcEndpointId }) => VpcEndpointId).sort()).toEqual(
      [served.endpointId, begun?.VpcEndpointId].sort(),
    );

    const TargetGroupArn = after.resources.get('TargetGroup')?.made.ref;
    const { Attributes } = await elb.describeTargetGroupAttributes({ TargetGroupArn });
    expect(Attributes).toContainEqual({ Key: 'target_failover.on_unhealthy', Value: 'rebalance' });
    const { TagDescriptions } = await elb.describeTags({ ResourceArns: [TargetGroupArn ?? ''] });
    expect(TagDescriptions?.[0]?.Tags).toEqual(
      expect.arrayContaining([
        { Key: 'ziti-glb:version', Value: expect.stringMatching(/^\d+\.\d+\.\d+$/) },
        { Key: 'aws:cloudformation:stack-name', Value: after.name },
      ]),
    );
    const { TargetGroups } = await elb.describeTargetGroups({ TargetGroupArns: [TargetGroupArn ?? ''] });
    expect(TargetGroups).toMatchObject([{ HealthyThresholdCount: 3 }]);
    const { Document } = await ssm.describeDocument({ Name: after.resources.get('InstallDocument')?.made.ref });
    expect(Document).toMatchObject({ LatestVersion: '2' });
    expect([...after.resources.keys()]).not.toContain('FormerAlarm');

    // The new code runs, with its new configuration, and finds nothing more to do.
    await operator.tag('app-c', 'default');
    await routed('100.96.0.0/12');
    log.splice(0);
    await until('pass that finds all in order', () => log.some((line) => /subnets.*in order/i.test(line)));
    expect(log.filter((line) => /"level":"ERROR"|not authorized/.test(line))).toEqual([]);
  });
});
