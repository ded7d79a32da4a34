import { unsetTag } from '../../shared/aws/tags.ts';
import { reasonText } from '../../shared/conditions/sentences.ts';
import { unverified } from '../../shared/seal.ts';
import { pauseSentence } from '../../shared/sentences.ts';
import { observe } from '../../shared/subnets/observe.ts';
import { observeSpoke } from '../../shared/subnets/spoke.ts';
import { isOurs, label, type RouteTable, type SubnetsLook, type SubnetsWorld } from '../../shared/subnets/world.ts';
import { type Command, EXIT, type Given, yes } from '../command.ts';
import { hasRouters } from '../deployed.ts';
import { RESUME } from '../standing.ts';
import { table } from '../table.ts';

const LOOK_MS = 5_000;
/** Without any progress for so long, something is stuck that only a person can see. */
const PATIENCE_MS = 15 * 60_000;

export const drain: Command = {
  args: [],
  summary: 'opt every subnet out, and wait until all routes and endpoints are gone',
  options: yes,
  run(given) {
    const { stack } = given;
    const { clients, now } = stack;
    return drained(given, async () => {
      const found = hasRouters(stack)
        ? await observe(clients, stack.config.subnets, unverified, now())
        : await observeSpoke(clients, stack.config.subnets)(unverified, now());
      // What is not looked at is not gone.
      if ('denied' in found.claims)
        throw new Error(reasonText({ code: 'claims-unread', message: found.claims.denied }));
      return found;
    });
  },
};

async function drained(given: Given, look: () => Promise<SubnetsLook>): Promise<number> {
  const { options, stack, terminal } = given;
  const { tagKey } = stack.config.subnets;
  const found = await look();
  const opted = found.vpcs.flatMap(({ subnets }) => subnets).filter(({ tagValue }) => tagValue !== undefined);
  if (opted.length === 0 && left(found) === 0) {
    terminal.out('No subnet is opted in, and nothing is left.');
    return EXIT.ok;
  }
  const paused = found.vpcs[0]?.paused;
  if (paused) {
    terminal.err(
      `${stack.name} is ${pauseSentence(paused)}: its functions take nothing away until ${RESUME} --stack ${stack.name}. Nothing was changed.`,
    );
    return EXIT.todo;
  }
  // The values are all there is to opt them in again by.
  const { columns } = terminal;
  terminal.out(
    ...table(
      opted.map((subnet) => [label(subnet), `${tagKey}=${subnet.tagValue}`]),
      { columns },
    ),
  );
  const question = `Take the tag ${tagKey} from ${opted.length} subnets? Their clients lose what they reach through ${stack.name}.`;
  if (!options.yes && !(await terminal.confirm(question))) {
    terminal.err('Nothing was changed. Without a terminal to ask at, give --yes.');
    return EXIT.todo;
  }
  const ids = opted.map(({ id }) => id);
  if (ids.length > 0) await unsetTag(stack.clients.ec2, ids, tagKey);
  terminal.atInterrupt(
    `The tags are taken, and the functions go on to take routes and endpoints away. To wait for it again: npm run -s ziti-glb -- drain --stack ${stack.name}`,
  );
  return waitUntilGone(given, look);
}

/** The functions do the rest; here is only watched. */
async function waitUntilGone({ terminal, stack }: Given, look: () => Promise<SubnetsLook>): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY;
  let movedAt = stack.now();
  for (;;) {
    const found = await look();
    const things = left(found);
    if (things === 0) {
      terminal.out('Drained: no route and no endpoint is left.');
      return EXIT.ok;
    }
    const held = heldByGateways(found);
    if (held.length > 0)
      throw new Error(
        `All is gone but what routes of gateways' tables hold, which ziti-glb never changes: ${held.join(', ')}. Lead them elsewhere, back to local where they are the VPC's own; then the endpoints go by themselves`,
      );
    if (things < fewest) [fewest, movedAt] = [things, stack.now()];
    if (stack.now() - movedAt > PATIENCE_MS)
      throw new Error(
        `${things} routes and endpoints are still there, and none has gone for 15 minutes. See: npm run -s ziti-glb -- plan --stack ${stack.name}, and the log of ${stack.name}-subnets`,
      );
    terminal.progress(`${things} routes and endpoints are left`);
    await terminal.sleep(LOOK_MS);
  }
}

const left = ({ vpcs }: SubnetsLook): number =>
  vpcs.reduce((sum, world) => sum + routesOf(world).length + world.endpoints.length, 0);

const routesOf = (world: SubnetsWorld) => world.routeTables.flatMap((table) => ours(table, world));

const ours = (table: RouteTable, world: SubnetsWorld) => table.routes.filter((route) => isOurs(route, table, world));

/** Routes that only a person can lead elsewhere, if nothing else is left to wait for. */
function heldByGateways({ vpcs }: SubnetsLook): string[] {
  const all = vpcs.map(heldIn);
  return all.every((held) => held !== undefined) ? all.flat() : [];
}

/** Undefined if there is something else to wait for. */
function heldIn(world: SubnetsWorld): string[] | undefined {
  const holding = world.routeTables.filter((table) => ours(table, world).length > 0);
  const routes = holding.flatMap((table) => ours(table, world).map((route) => ({ ...route, tableId: table.id })));
  const holds = (id: string) => routes.some(({ target }) => target === id);
  if (!holding.every(({ edge }) => edge) || !world.endpoints.every(({ id }) => holds(id))) return undefined;
  return routes.map(({ destination, target, tableId }) => `${destination} in ${tableId} to ${target}`);
}
