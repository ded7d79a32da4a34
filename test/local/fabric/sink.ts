import { createSocket } from 'node:dgram';

/**
 * The sink runs in a router in the place of its diverter: it prints each GENEVE datagram that comes. One whose text begins with
 * `echo` is sent back as a target does: the same header, the outer ports kept, the inner flow turned round. `forge` too,
 * but with another flow's cookie.
 */
const receiver = createSocket('udp4').bind(6081, () => console.log('"up"'));
receiver.on('message', (datagram, from) => {
  console.log(JSON.stringify({ source: from.address, port: from.port, datagram: datagram.toString('hex') }));
  const text = datagram.subarray(68).toString();
  if (!/^(echo|forge)/.test(text)) return;
  if (text.startsWith('forge')) datagram.writeUInt32BE((datagram.readUInt32BE(36) ^ 1) >>> 0, 36);
  const packet = datagram.subarray(40);
  const addresses = Buffer.from(packet.subarray(12, 20));
  addresses.copy(packet, 16, 0, 4);
  addresses.copy(packet, 12, 4, 8);
  const ports = packet.readUInt32BE(20);
  packet.writeUInt32BE(((ports << 16) | (ports >>> 16)) >>> 0, 20);
  packet.writeUInt16BE(0, 26);
  const sender = createSocket('udp4').bind(from.port, () =>
    sender.send(datagram, 6081, from.address, () => sender.close()),
  );
});
