#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# scapy 2.6.1: its own GENEVE packet is read back as DNS. UDP()/GENEVE() sets the destination port, 6081, and leaves the source
# port at its default, 53; on the way back the layer that was bound first wins, and whoever imports scapy.all before the contrib
# module, as scapy's own command line does, has DNS bound first. Seen: the layer behind UDP is DNS; with another source port, or
# with the contrib module imported first, it is GENEVE.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check scapy==2.6.1
"$work/venv/bin/python" - <<'PYTHON'
import scapy
from scapy.all import IP, TCP, UDP, Ether
from scapy.contrib.geneve import GENEVE

def read(udp):
    return Ether(bytes(Ether() / IP() / udp / GENEVE() / IP() / TCP()))[UDP].payload.name

print('scapy', scapy.VERSION, 'default source port:', read(UDP()), '; 50000:', read(UDP(sport=50000)))
assert read(UDP()) == 'DNS', 'it reads its own packet now'
assert read(UDP(sport=50000)) == 'GENEVE'
PYTHON
