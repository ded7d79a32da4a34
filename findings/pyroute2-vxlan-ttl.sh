#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pyroute2 0.9.7 says of each VXLAN device that the outer TTL is inherited, and reads its flow label back to front. The kernel tells in an octet
# of IFLA_VXLAN_TTL_INHERIT, 0 or 1, whether it is (vxlan_fill_info), though it takes a flag without a value; the library takes both for
# the flag. IFLA_VXLAN_LABEL is in network byte order, as the label of a GENEVE device is, which it reads right. Seen: True for a message
# with 0, and 0x45230100 for the label 0x12345; one that it is to set as 0x12345 is 0x30100 in the kernel. No device is made here.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pyroute2==0.9.7
"$work/venv/bin/python" - <<'PYTHON' | tee "$work/seen"
import struct
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

IFLA_LINKINFO, IFLA_INFO_KIND, IFLA_INFO_DATA, RTM_NEWLINK = 18, 1, 2, 16


def attribute(kind, value):
    return struct.pack('=HH', 4 + len(value), kind) + value + bytes(-len(value) % 4)


def show(device, *attributes):
    information = attribute(IFLA_INFO_KIND, device + b'\0') + attribute(IFLA_INFO_DATA, b''.join(attributes))
    body = bytes(16) + attribute(IFLA_LINKINFO, information)
    message = ifinfmsg(struct.pack('=IHHII', 16 + len(body), RTM_NEWLINK, 0, 0, 0) + body)
    message.decode()
    for name, value in message.get_nested('IFLA_LINKINFO', 'IFLA_INFO_DATA')['attrs']:
        print(name, hex(value) if name.endswith('LABEL') else value)


label = struct.pack('>I', 0x12345)
show(b'vxlan', attribute(26, label), attribute(28, b'\0'))
show(b'geneve', attribute(11, label), attribute(12, b'\0'))
PYTHON
diff "$work/seen" - <<'SEEN'
IFLA_VXLAN_LABEL 0x45230100
IFLA_VXLAN_TTL_INHERIT True
IFLA_GENEVE_LABEL 0x12345
IFLA_GENEVE_TTL_INHERIT 0
SEEN
