#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dpkt 1.9.8 writes UDP over IPv6 with a checksum of zero where the sum comes to zero, one datagram in 65,536. RFC 8200 (8.1) has hex FFFF
# instead, and receivers discard a zero: there is no UDP without a checksum over IPv6. Over IPv4 dpkt writes FFFF. Seen: 0000 over IPv6,
# ffff over IPv4, each for a datagram whose sum is that. A replay or a load test loses such datagrams, always the same ones.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check dpkt==1.9.8
"$work/venv/bin/python" - <<'PYTHON'
import socket
from dpkt.ip import IP
from dpkt.ip6 import IP6
from dpkt.udp import UDP

def written(family, header, addresses):
    """The checksum of a datagram, its data that of the same one with zeros there: so the sum is zero."""
    def checksum(data):
        udp = UDP(sport=50000, dport=6081, ulen=8 + len(data), data=data)
        source, destination = (socket.inet_pton(family, address) for address in addresses)
        packet = header(src=source, dst=destination, p=17, nxt=17, plen=len(udp), data=udp)
        return bytes(packet)[-4:-2]
    return checksum(checksum(bytes(2))).hex()

over4 = written(socket.AF_INET, lambda nxt, plen, **rest: IP(**rest), ('192.0.2.1', '192.0.2.2'))
over6 = written(socket.AF_INET6, lambda p, **rest: IP6(nxt=rest.pop('nxt'), **rest), ('2001:db8::1', '2001:db8::2'))
print('IPv4:', over4, 'IPv6:', over6)
assert over4 == 'ffff'
assert over6 == '0000', 'it writes ffff now'
PYTHON
