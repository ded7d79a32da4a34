import { IMAGES, startBox } from '../local/box.ts';
import { createOperator } from '../local/demo/operator.ts';
import { packageStack } from '../local/demo/package.ts';
import { steps } from '../local/demo/steps.ts';
import type { Fabric } from '../local/fabric/fabric.ts';
import { namespaceFabric } from '../local/fabric/namespaces.ts';
import { checkOut, diverterOf, EARLIER, ROOT } from './earlier.ts';

/**
 * Two routers take so many seconds of the cloud's time from their launch until both are healthy targets: this build's and an earlier
 * one's, turn by turn in the same cloud in a box. Needs root, and the earlier commit in this clone.
 *
 *   npm run bench:launch [-- COMMIT]
 */
const [, , commit = EARLIER] = process.argv;
const ROUNDS = 3;
/** The cloud's time runs as fast as the demo's. */
const RATE = 10;

interface Build {
  name: string;
  root: string;
  diverter: string;
  seconds: number[];
}

const buildOf = (name: string, root: string): Build => ({ name, root, diverter: diverterOf(root), seconds: [] });
const builds = [buildOf(`at ${commit}`, checkOut(commit)), buildOf('this build', ROOT)];
for (let round = 0; round < ROUNDS; round++) {
  for (const build of builds) build.seconds.push(await launch(build));
}
const median = ({ seconds }: Build) => seconds.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
const base = median(builds[0] as Build);
console.log('Two routers, launch to healthy, in seconds of the cloud’s time:');
console.table(
  builds.map((build) => ({
    build: build.name,
    median: median(build).toFixed(1),
    all: build.seconds.map((each) => each.toFixed(1)).join(' '),
    ratio: (median(build) / base).toFixed(2),
  })),
);
process.exit(0);

/** Earlier builds serve only routers that run as root: so they do, for either build. */
function withRootRouters(fabric: Fabric): Fabric {
  const folder = '/etc/systemd/system/ziti-router.service.d';
  const change = `mkdir -p ${folder}; printf '[Service]\\nUser=root\\nGroup=root\\n' >${folder}/root.conf; systemctl restart ziti-router`;
  const changed = new Set<string>();
  return {
    ...fabric,
    async sync(network) {
      await fabric.sync(network);
      const fresh = network.instances.filter(({ id, image }) => image === 'ami-router' && !changed.has(id));
      for (const { id } of fresh) {
        changed.add(id);
        await fabric.exec(id, ['sh', '-c', change]);
      }
    },
  };
}

async function launch({ root, diverter }: Build): Promise<number> {
  const box = await startBox({
    rate: RATE,
    fabric: async (services) => withRootRouters(await namespaceFabric({ images: IMAGES, services })),
    packaged: ({ region, vpcId, subnetIds }) => {
      // The demo deploys it so; the earlier one had no such parameter.
      const places: Record<string, string> = root === ROOT ? { routerSubnets: subnetIds } : {};
      return packageStack(region, { vpcId, subnetIds, ...places }, { root });
    },
    diverter,
    onLog: () => {},
  });
  try {
    const { clock, endpoint, credentials, region, network, stack, fabric } = box;
    const operator = createOperator({
      endpoint,
      credentials,
      region,
      vpcId: network.vpcId,
      targetGroupArn: String(stack.resources.get('TargetGroup')?.made.ref),
      routerSubnetIds: network.subnetIds.split(','),
      fabric,
    });
    const began = clock.now();
    await steps[0]?.run({ operator, clock, packets: false }, () => {});
    return (clock.now() - began) / 1000;
  } finally {
    await box.close();
  }
}
