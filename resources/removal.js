import {
  EC2Client,
  paginateDescribeVpcEndpointConnections,
  paginateDescribeVpcEndpointServiceConfigurations,
  paginateDescribeVpcEndpoints,
} from '@aws-sdk/client-ec2';

/** An endpoint in one of these states keeps its service from being deleted. EC2 answers `pendingAcceptance`, its SDK's type says `PendingAcceptance`. */
const ALIVE = ['pendingacceptance', 'pending', 'available', 'deleting'];

/**
 * Refuses to remove a stack that is in use: AWS would remove half of it and stop at the endpoint service, which it does not
 * delete while endpoints are connected to it.
 * @param configuration of the SDK's client, its region by name
 * @param stack what endpoints and the service are tagged with
 * @throws Error with every endpoint that is in the way, and what to do
 */
export async function refuseRemovalInUse(configuration, stack) {
  const ec2 = new EC2Client(configuration);
  try {
    const own = await collect(
      paginateDescribeVpcEndpoints({ client: ec2 }, { Filters: [ofStack(stack)] }),
      ({ VpcEndpoints }) => VpcEndpoints,
    );
    const foreign = (await connections(ec2, stack)).filter(
      ({ VpcEndpointId }) => !own.some((endpoint) => endpoint.VpcEndpointId === VpcEndpointId),
    );
    const ours = own
      .filter(({ State }) => isAlive(State))
      .map(({ VpcEndpointId, SubnetIds, State }) => `${VpcEndpointId} in ${SubnetIds} (${State})`);
    const theirs = foreign.map(({ VpcEndpointId, VpcEndpointOwner, VpcEndpointConnectionId, VpcEndpointState }) =>
      VpcEndpointId
        ? `${VpcEndpointId} of account ${VpcEndpointOwner} (${VpcEndpointState})`
        : `${VpcEndpointConnectionId} of a transit gateway's attachment (${VpcEndpointState})`,
    );
    const hasEndpoint = ({ VpcEndpointId }) => VpcEndpointId !== undefined;
    const attached = foreign.filter((each) => !hasEndpoint(each));
    const reject = `aws ec2 reject-vpc-endpoint-connections --region ${configuration.region}`;
    if (ours.length + theirs.length === 0) return;
    throw new Error(
      [
        `${stack} is in use, and AWS does not remove an endpoint service that has endpoints:`,
        ...[...ours, ...theirs].map((line) => `  ${line}`),
        ...(ours.length > 0
          ? [
              `Take the subnets out first: npm run -s ziti-glb -- drain --stack ${stack} --region ${configuration.region}`,
            ]
          : []),
        ...[...Map.groupBy(foreign.filter(hasEndpoint), ({ ServiceId }) => ServiceId)].map(
          ([service, some]) =>
            `Let the other accounts delete theirs, or reject them: ${reject} --service-id ${service} --vpc-endpoint-ids ${some.map(({ VpcEndpointId }) => VpcEndpointId).join(' ')}`,
        ),
        ...[...new Set(attached.map(({ ServiceId }) => ServiceId))].map(
          (service) =>
            `Let transit gateways delete their attachments, or reject them: ${reject} --service-id ${service} --transit-gateway-attachment-ids tgw-attach-…`,
        ),
      ].join('\n'),
    );
  } finally {
    ec2.destroy();
  }
}

/** Endpoints of whatever account are connected to the stack's service. Nothing counts, if it has taken one that is there. */
async function connections(ec2, stack) {
  const services = await collect(
    paginateDescribeVpcEndpointServiceConfigurations({ client: ec2 }, { Filters: [ofStack(stack)] }),
    ({ ServiceConfigurations }) => ServiceConfigurations,
  );
  if (services.length === 0) return [];
  const Filters = [{ Name: 'service-id', Values: services.map(({ ServiceId }) => ServiceId) }];
  const all = await collect(
    paginateDescribeVpcEndpointConnections({ client: ec2 }, { Filters }),
    ({ VpcEndpointConnections }) => VpcEndpointConnections,
  );
  return all.filter(({ VpcEndpointState }) => isAlive(VpcEndpointState));
}

const ofStack = (stack) => ({ Name: 'tag:ziti-glb:stack', Values: [stack] });
const isAlive = (state) => ALIVE.includes(state?.toLowerCase());

async function collect(pages, items) {
  const all = [];
  for await (const page of pages) all.push(...(items(page) ?? []));
  return all;
}
