import type { Fabric } from '../../local/fabric/fabric.ts';
import { localPackage } from '../../resources/diverter.js';

const CONFIG = '/var/lib/ziti-router/config.yml';

/**
 * Installs the diverter's package on a router, which then diverts. Resolves when ziti-router has announced this many rules.
 * @param mode the program that ziti-router calls
 */
export async function divert(
  fabric: Fabric,
  router: string,
  rules: number,
  { mode = '/usr/sbin/diverter', attach = 'ens5 --from 10.0.9.0/24' } = {},
): Promise<void> {
  const script = `
    until grep -qs web: ${CONFIG} && [ -s /run/units/ziti-router.service ]; do sleep 0.1; done
    echo 'ATTACH="${attach}"' >/etc/default/ziti-glb-diverter
    dpkg --install ${localPackage()} || exit
    sed -i 's|mode: tproxy|&:${mode}|' ${CONFIG}
    systemctl restart ziti-router
    until [ "$(diverter services | grep -c " of service ")" = ${rules} ]; do sleep 0.1; done`;
  const { code, stdout, stderr } = await fabric.exec(router, ['bash', '-c', script], { timeout: 60_000 });
  if (code !== 0) throw new Error(`${router} does not divert: ${stdout}${stderr}`);
}
