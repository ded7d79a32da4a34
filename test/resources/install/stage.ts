import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { type NamespaceFabric, namespaceFabric } from '../../../local/fabric/namespaces.ts';
import { localPackage } from '../../../resources/diverter.js';
import { ENDPOINT, IMAGES, NODE_IP, ROUTERS, topology } from '../../local/fabric/topology.ts';

const pathOf = (path: string) => new URL(`../../../${path}`, import.meta.url).pathname;

export const SCRIPT = readFileSync(pathOf('resources/install.sh'), 'utf8');
/** This script waits for no minute for what never comes. */
export const IMPATIENT = SCRIPT.replaceAll(/patience=\d+/g, 'patience=3');
const BINARY = pathOf('bpf/build/diverter');
export const [ROUTER, OTHER, CLIENT] = ['i-router-1', 'i-router-2', 'i-client-1'];
export const CONFIG = '/var/lib/ziti-router/config.yml';
export const SERVICES = '169.254.0.80';
/** S3 refuses a link so: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const refusal = (status: number, code: string, message: string) => ({
  status,
  body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>R</RequestId></Error>`,
});
const REFUSALS: Record<string, { status: number; body: string }> = {
  ended: refusal(400, 'ExpiredToken', 'The provided token has expired.'),
  late: refusal(403, 'AccessDenied', 'Request has expired'),
  denied: refusal(403, 'AccessDenied', 'Access Denied'),
  proxy: { status: 407, body: '<html>who are you?</html>' },
};

export interface Parameters {
  Diverter?: string;
  Url?: string;
  Sha256?: string;
  Addresses?: string;
  Sources?: string;
  Reply?: string;
  Range?: string;
  Resolver?: string;
  HealthPort?: string;
  HealthOptions?: string;
  RegistrationKey?: string;
  TuneRouter?: string;
}

/** The network has its own routes, and those of one client. */
export const near = () =>
  topology({ routes: { '10.20.0.0/16': { kind: 'endpoint', id: ENDPOINT } }, states: ['healthy', undefined] });

/**
 * The stage has a client, a router that the load balancer knows, another that it does not, both without a diverter; and the install, as
 * the agent of Systems Manager runs it, of `one`, which is ours, of `two`, a later version, and of `ill`, which is not well.
 */
export function installStage() {
  const packages = new Map<string, Buffer>();
  const fetched: string[] = [];
  let folder: string;
  let opened: NamespaceFabric;
  let upstream: Server;

  /** A package of a program is built as ours is. */
  function pack(name: string, binary: string, version: string): void {
    const output = join(folder, `${name}.deb`);
    const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
    const build = [pathOf('bpf/deb/build.sh'), binary, architecture, version, output, pathOf('bpf/build/linked')];
    const { status, stderr } = spawnSync('sh', build, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    packages.set(name, readFileSync(output));
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'install-'));
    packages.set('one', readFileSync(localPackage()));
    pack('two', BINARY, '9.9.9');
    // This one attaches as ours does, and then is not well.
    const ill = join(folder, 'ill');
    writeFileSync(ill, `#!/bin/sh\n[ "$1" != health ] || { echo out of order; exit 1; }\nexec ${BINARY} "$@"\n`);
    pack('ill', ill, '9.9.8');
    upstream = createServer((request, response) => {
      const name = (request.url ?? '').slice(1).split('?')[0] ?? '';
      if (request.headers['user-agent']?.startsWith('curl') && packages.has(name)) fetched.push(name);
      const refusal = REFUSALS[name];
      response.statusCode = refusal?.status ?? 200;
      response.end(refusal?.body ?? packages.get(name) ?? 'nothing');
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    const address = upstream.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    opened = await namespaceFabric({
      images: IMAGES,
      services: { ip: SERVICES, port: 80, upstream: `http://127.0.0.1:${port}` },
    });
    await opened.sync(near());
    for (const router of [ROUTER, OTHER])
      await shell(router, 'until grep -qs "^[1-9]" /run/units/ziti-router.service; do sleep 0.1; done');
  });
  afterAll(async () => {
    await opened?.close();
    upstream?.close();
    if (folder) rmSync(folder, { recursive: true });
  });

  const fabric: Pick<NamespaceFabric, 'exec' | 'sync' | 'nodeStats'> = {
    exec: (...call) => opened.exec(...call),
    sync: (network) => opened.sync(network),
    nodeStats: (id) => opened.nodeStats(id),
  };
  const shell = async (instance: string, command: string) => {
    const { stdout, stderr } = await fabric.exec(instance, ['bash', '-c', command], { timeout: 30_000 });
    return `${stdout}${stderr}`.trim();
  };
  const sha256 = (name: string) =>
    createHash('sha256')
      .update(packages.get(name) ?? '')
      .digest('hex');
  const install = (instance: string, name: string, parameters: Parameters = {}, script = SCRIPT) => {
    const all = {
      Diverter: 'own',
      Url: `http://${SERVICES}/${name}?signed`,
      Sha256: sha256(name),
      Addresses: ROUTERS.join(' '),
      Sources: `${NODE_IP}/32`,
      Reply: 'direct',
      Range: '',
      Resolver: '',
      HealthPort: '',
      HealthOptions: '',
      RegistrationKey: '',
      TuneRouter: 'true',
      ...parameters,
    };
    const environment = Object.entries(all).map(([key, value]) => `SSM_${key}=${value}`);
    const ids = [`AWS_SSM_INSTANCE_ID=${instance}`, 'AWS_SSM_REGION_NAME=eu-central-1'];
    return fabric.exec(instance, ['/usr/bin/env', ...ids, ...environment, 'bash', '-s'], {
      stdin: script,
      timeout: 120_000,
    });
  };
  const ask = (path = 'http://10.20.0.5/') => shell(CLIENT, `curl -s -m 1 ${path} || echo cut off`);
  /** A router says its services once its controller has answered. */
  const askUntilAnswered = () =>
    shell(CLIENT, 'for try in $(seq 50); do curl -s -m 1 http://10.20.0.5/ && exit; sleep 0.1; done; echo cut off');
  /** An install may change all this. */
  const stateOf = (instance: string) =>
    shell(
      instance,
      `cat ${CONFIG} /etc/default/ziti-glb-diverter 2>&1; dpkg -s ziti-glb-diverter 2>&1 | grep -E 'Status|Version'; sha256sum /usr/sbin/diverter 2>&1;
       diverter status 2>&1 | head -1; cat /run/units/ziti-router.service; ls -I install.log /var/lib/ziti-glb 2>&1`,
    );

  return { fabric, fetched, shell, sha256, install, ask, askUntilAnswered, stateOf };
}
