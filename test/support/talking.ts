import type { Fabric } from '../../local/fabric/fabric.ts';
import type { Talk } from './talkers.ts';

const PROGRAM = new URL('talkers.ts', import.meta.url).pathname;

/** Starts connections from a client of a fabric, see talkers.ts. The returned function ends them and tells what came of them. */
export async function talking(
  fabric: Pick<Fabric, 'exec'>,
  client: string,
  [host, port]: [string, number],
  { long = 1, fresh = 0, pause = 20 } = {},
): Promise<() => Promise<Talk>> {
  const shell = async (script: string) =>
    (await fabric.exec(client, ['bash', '-c', script], { timeout: 60_000 })).stdout.trim();
  const command = `${process.execPath} --disable-warning=ExperimentalWarning ${PROGRAM} ${host} ${port} ${long} ${fresh} ${pause}`;
  const folder = await shell('mktemp -d');
  const pid = await shell(
    `setsid ${command} </dev/null >${folder}/out 2>${folder}/err & echo $!; until grep -q ready ${folder}/err; do sleep 0.1; done`,
  );
  return async () =>
    JSON.parse(
      await shell(`kill -TERM ${pid}; while kill -0 ${pid} 2>/dev/null; do sleep 0.1; done; cat ${folder}/out`),
    );
}
