import { CreateTagsCommand, DeleteVpcEndpointServiceConfigurationsCommand } from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import { inProcess } from '../../local/wire/in-process.ts';
import { refuseRemovalInUse } from '../../resources/removal.js';
import { REGION, testCloud, testLoadBalancer, testVpc } from '../support/cloud.ts';

test('a transit gateway that is connected holds a stack, and is named by its connection: it has no endpoint', async () => {
  const cloud = testCloud();
  const { serviceId } = await testLoadBalancer(cloud, { vpc: await testVpc(cloud) });
  await cloud.ec2.send(
    new CreateTagsCommand({ Resources: [serviceId], Tags: [{ Key: 'ziti-glb:stack', Value: 'mine' }] }),
  );
  const credentials = { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret' };
  const configuration = { region: REGION, credentials, requestHandler: inProcess(cloud.wire) };
  await refuseRemovalInUse(configuration, 'mine');

  const connection = cloud.cloud.attach(serviceId);

  await expect(refuseRemovalInUse(configuration, 'mine')).rejects.toThrow(
    `mine is in use, and AWS does not remove an endpoint service that has endpoints:
  ${connection} of a transit gateway's attachment (pendingAcceptance)
Let transit gateways delete their attachments, or reject them: aws ec2 reject-vpc-endpoint-connections --region ${configuration.region} --service-id ${serviceId} --transit-gateway-attachment-ids tgw-attach-…`,
  );
  const remove = new DeleteVpcEndpointServiceConfigurationsCommand({ ServiceIds: [serviceId] });
  expect((await cloud.ec2.send(remove)).Unsuccessful).toHaveLength(1);
});
