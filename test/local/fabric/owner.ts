import { namespaceFabric } from '../../../local/fabric/namespaces.ts';
import { IMAGES, topology } from './topology.ts';

/** The owner brings a fabric up, says so, and waits to be killed. */
const services = { ip: '169.254.169.254', port: 4566, upstream: 'http://127.0.0.1:1' };
const fabric = await namespaceFabric({ images: IMAGES, services });
await fabric.sync(topology({ clients: 3 }));
await fabric.exec('i-client-1', ['sh', '-c', 'setsid sleep 1000 >/dev/null 2>&1 &']);
console.log('up');
setInterval(() => {}, 1000);
