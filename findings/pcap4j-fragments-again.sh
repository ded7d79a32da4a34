#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pcap4j 1.8.2: a fragment that is fragmented again, as by a second router with a smaller MTU, becomes a datagram of its own. By RFC 791
# (3.2, "An Example Fragmentation Procedure") the offset of a part is counted from the one that the fragment has, and the last part keeps
# its more-fragments flag; IpV4Helper.fragment() counts from 0 and takes the flag away. All parts have one identification, so a receiver has
# two ends and two beginnings of one datagram. Seen: 0-48, 48-80 end, twice, of a datagram of 160 octets in fragments of 80. Needs a JDK.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
maven=https://repo1.maven.org/maven2
for jar in org/pcap4j/pcap4j-core/1.8.2/pcap4j-core-1.8.2 org/slf4j/slf4j-api/1.7.36/slf4j-api-1.7.36 net/java/dev/jna/jna/5.14.0/jna-5.14.0; do
	curl --silent --show-error --fail --remote-name "$maven/$jar.jar"
done
cat >Probe.java <<'JAVA'
import java.net.Inet4Address;
import java.net.InetAddress;
import org.pcap4j.packet.IpV4Packet;
import org.pcap4j.packet.IpV4Rfc791Tos;
import org.pcap4j.packet.UnknownPacket;
import org.pcap4j.packet.namednumber.IpNumber;
import org.pcap4j.packet.namednumber.IpVersion;
import org.pcap4j.util.IpV4Helper;

class Probe {
    public static void main(String[] none) throws Exception {
        IpV4Packet datagram = new IpV4Packet.Builder()
            .version(IpVersion.IPV4).tos(IpV4Rfc791Tos.newInstance((byte) 0)).identification((short) 7).ttl((byte) 64)
            .protocol(IpNumber.UDP)
            .srcAddr((Inet4Address) InetAddress.getByName("192.0.2.1")).dstAddr((Inet4Address) InetAddress.getByName("192.0.2.2"))
            .payloadBuilder(new UnknownPacket.Builder().rawData(new byte[160]))
            .correctLengthAtBuild(true).correctChecksumAtBuild(true).build();
        for (IpV4Packet fragment : IpV4Helper.fragment(datagram, 100)) {
            show("fragment", fragment);
            for (IpV4Packet part : IpV4Helper.fragment(fragment, 68)) show("  part", part);
        }
    }

    static void show(String what, IpV4Packet packet) {
        int offset = packet.getHeader().getFragmentOffset() * 8;
        String end = packet.getHeader().getMoreFragmentFlag() ? "" : " end";
        System.out.println(what + " " + offset + "-" + (offset + packet.getPayload().length()) + end);
    }
}
JAVA
javac -cp '*' Probe.java
java -cp '*:.' Probe 2>/dev/null | tee seen
diff seen - <<'SEEN'
fragment 0-80
  part 0-48
  part 48-80 end
fragment 80-160 end
  part 0-48
  part 48-80 end
SEEN
