import { addressBytes } from './packet.ts';
import { harnessPath, type Router } from './router.ts';

/** A datagram's owner is who sends it to whom, behind which endpoint; each numbers his own. */
export interface Owner {
  source: string;
  destination: string;
  endpoint: Buffer;
}

const FACTOR = 0x9e3779b97f4a7c15n;
const times = (left: bigint, right: bigint): bigint => BigInt.asUintN(64, left * right);
const mix = (hash: bigint, next: bigint): bigint => times(hash ^ (hash >> 32n) ^ next, FACTOR);

/**
 * A datagram in fragments has one of 32 places on this router, now that it is attached. The words are as the program reads them:
 * in the byte order of this machine.
 */
export function placesOf(router: Router): (owner: Owner, id: number) => number {
  const { stdout } = router.exec([harnessPath, 'secret', 'eth0']);
  const secret = times(BigInt(stdout.trim()), FACTOR);
  return ({ source, destination, endpoint }, id) => {
    const swapped = Buffer.alloc(2);
    swapped.writeUInt16BE(id);
    const addresses = Buffer.concat([addressBytes(destination), addressBytes(source)]).readBigUInt64LE();
    const hash = mix(
      mix(times(endpoint.readBigUInt64LE() ^ secret, FACTOR), addresses),
      BigInt(swapped.readUInt16LE()),
    );
    return Number(hash >> 59n);
  };
}
