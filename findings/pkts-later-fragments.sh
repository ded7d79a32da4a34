#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pkts 3.0.18 takes each fragment of an IPv4 datagram for a UDP datagram of its own. By RFC 791 (3.2) a fragment whose offset is not zero goes
# on with the datagram's data and has no header of UDP or TCP. pkts knows the offset, and reads ports and length from the data all the
# same. Seen: a datagram from port 1000 to 2000 in two fragments is one to 2000 and one from 30840 to 30840, which is "xxxx"; the tables
# of flows that are made of a capture get one of garbage for each such fragment. Needs a JDK; the jars come from Maven Central.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
maven=https://repo1.maven.org/maven2
for jar in io/pkts/pkts-core/3.0.18/pkts-core-3.0.18 io/pkts/pkts-buffers/3.0.18/pkts-buffers-3.0.18 org/slf4j/slf4j-api/1.7.36/slf4j-api-1.7.36; do
	curl --silent --show-error --fail --remote-name "$maven/$jar.jar"
done
python3 - <<'PYTHON'
import struct


def fragment(offset, more, data):
    header = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(data), 7, more << 13 | offset // 8, 64, 17, 0, b'\xc0\0\2\1', b'\xc0\0\2\2')
    return b'\2\0\0\0\0\1\2\0\0\0\0\2\x08\0' + header + data


datagram = struct.pack('!HHHH', 1000, 2000, 8 + 40, 0) + b'x' * 40
with open('fragments.pcap', 'wb') as capture:
    capture.write(struct.pack('<IHHiIII', 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    for packet in fragment(0, True, datagram[:24]), fragment(24, False, datagram[24:]):
        capture.write(struct.pack('<IIII', 1790000000, 0, len(packet), len(packet)) + packet)
PYTHON
cat >Probe.java <<'JAVA'
import io.pkts.Pcap;
import io.pkts.packet.IPv4Packet;
import io.pkts.packet.UDPPacket;
import io.pkts.protocol.Protocol;

class Probe {
    public static void main(String[] none) throws Exception {
        Pcap.openStream("fragments.pcap").loop(packet -> {
            IPv4Packet ip = (IPv4Packet) packet.getPacket(Protocol.IPv4);
            System.out.print("offset " + ip.getFragmentOffset() * 8);
            if (packet.hasProtocol(Protocol.UDP)) {
                UDPPacket udp = (UDPPacket) packet.getPacket(Protocol.UDP);
                System.out.print(", UDP from " + udp.getSourcePort() + " to " + udp.getDestinationPort());
            }
            System.out.println();
            return true;
        });
    }
}
JAVA
javac -cp '*' Probe.java
java -cp '*:.' Probe 2>/dev/null | tee seen
diff seen - <<'SEEN'
offset 0, UDP from 1000 to 2000
offset 24, UDP from 30840 to 30840
SEEN
