#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes golden.json: packets built by scapy, and the verdict on each. apt install python3-scapy; python3 golden.py."""
import json
import pathlib

from scapy.all import ARP, Dot1Q, Ether, ICMP, IP, IPerror, IPv6, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, Raw, TCP, UDP, fragment
from scapy.contrib.geneve import GENEVE, GeneveOptions

ENDPOINT = GeneveOptions(classid=0x0108, type=1, data=bytes(7) + b"\xe1")
ATTACHMENT = GeneveOptions(classid=0x0108, type=2, data=bytes(7) + b"\xa1")
COOKIE = GeneveOptions(classid=0x0108, type=3, data=bytes(3) + b"\xc1")
AWS = [ENDPOINT, ATTACHMENT, COOKIE]

udp = IP(src="192.168.1.1", dst="100.64.0.1") / UDP(sport=1000, dport=5000) / b"data"
tcp = IP(src="192.168.1.1", dst="100.64.0.1") / TCP(sport=1000, dport=5000, flags="S")
udp6 = IPv6(src="2001:db8:1::1", dst="2001:db8:2::1") / UDP(sport=1000, dport=5000) / b"data"
tcp6 = IPv6(src="2001:db8:1::1", dst="2001:db8:2::1") / TCP(sport=1000, dport=5000, flags="S")

answer = IP(src="100.64.0.1", dst="192.168.1.1") / TCP(sport=5000, dport=1000, flags="A")
icmp_error = IP(src="192.168.1.9", dst="100.64.0.1") / ICMP(type=3, code=4, nexthopmtu=1300) / IPerror(bytes(answer)[:28])


# These addresses are no machine's: what is written must not depend on where.
WIRE = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}


def glb(inner, ip={}, outer_udp={}, **geneve):
    fields = {"proto": 0x86DD if isinstance(inner, IPv6) else 0x0800, "options": AWS, **geneve}
    return (
        Ether(**WIRE)
        / IP(**{"src": "10.0.0.1", "dst": "10.0.0.2", **ip})
        / UDP(**{"sport": 50000, "dport": 6081, "chksum": 0, **outer_udp})
        / GENEVE(**fields)
        / Raw(bytes(inner))
    )


def changed(inner, **fields):
    copy = inner.copy()
    for name, value in fields.items():
        setattr(copy, name, value)
    return copy


PACKETS = [
    ("UDP", "no_service", glb(udp)),
    ("SYN", "no_service", glb(tcp)),
    ("UDP over IPv6", "no_service", glb(udp6)),
    ("TCP over IPv6", "no_service", glb(tcp6)),
    ("ACK", "no_service", glb(changed(tcp, payload=TCP(sport=1000, dport=5000, flags="A")))),
    ("ARP", "passed", Ether(**WIRE) / ARP(hwsrc=WIRE["src"], psrc="10.0.0.1", pdst="10.0.0.2")),
    ("802.1Q", "passed", Ether(**WIRE) / Dot1Q(vlan=1) / bytes(glb(udp))[14:]),
    ("IPv6 outside", "passed", Ether(**WIRE) / IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(dport=6081)),
    ("SSH to the router", "passed", Ether(**WIRE) / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(dport=22)),
    ("ping to the router", "passed", Ether(**WIRE) / IP(src="10.0.0.1", dst="10.0.0.2") / ICMP()),
    ("UDP to another port", "passed", Ether(**WIRE) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=53)),
    ("IP options, to another port", "passed", Ether(**WIRE) / IP(src="10.0.0.1", dst="10.0.0.2", options=[("NOP")] * 4) / UDP(dport=53)),
    ("a later fragment", "passed", glb(udp, ip={"frag": 8})),
    ("UDP 6081 to another address", "passed", glb(udp, ip={"dst": "9.9.9.9"})),
    ("IP options", "outer_options", glb(udp, ip={"options": [("NOP")] * 4})),
    ("a first fragment", "outer_fragment", glb(udp, ip={"flags": "MF"})),
    ("a wrong IP checksum", "outer_checksum", glb(udp, ip={"chksum": 0x1234})),
    ("a source behind the allowed prefix", "source_not_allowed", glb(udp, ip={"src": "10.0.1.0"})),
    ("a strange source", "source_not_allowed", glb(udp, ip={"src": "1.2.3.4"})),
    ("an IP length without room for UDP", "outer_length", glb(udp, ip={"len": 27})),
    ("an IP length beyond the packet", "outer_length", glb(udp, ip={"len": 1500})),
    ("UDP length 9", "udp_length", glb(udp, outer_udp={"len": 9})),
    ("a UDP checksum as it should be", "no_service", glb(udp, outer_udp={"chksum": None})),
    ("a UDP checksum as it should not be", "udp_checksum", glb(udp, outer_udp={"chksum": 0x1234})),
    ("UDP without GENEVE", "geneve_truncated", Ether(**WIRE) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=6081, chksum=0)),
    ("GENEVE version 1", "geneve_version", glb(udp, version=1)),
    ("GENEVE version 3", "geneve_version", glb(udp, version=3)),
    ("the O bit", "geneve_control", glb(udp, oam=1)),
    ("the C bit, and no critical option", "no_service", glb(udp, critical=1)),
    ("a VNI", "geneve_vni", glb(udp, vni=0x800000)),
    ("another option class", "geneve_option_missing", glb(udp, options=[changed(ENDPOINT, classid=0x0109), ATTACHMENT, COOKIE])),
    ("another option type", "geneve_option_missing", glb(udp, options=[changed(ENDPOINT, type=4), ATTACHMENT, COOKIE])),
    ("the options in another order", "no_service", glb(udp, options=[COOKIE, ATTACHMENT, ENDPOINT])),
    ("protocol 0x6558", "geneve_protocol", glb(udp, proto=0x6558)),
    ("no options", "geneve_option_missing", glb(udp, options=[])),
    ("no cookie", "geneve_option_missing", glb(udp, options=[ENDPOINT, ATTACHMENT])),
    ("two cookies", "geneve_option_duplicate", glb(udp, options=[*AWS, COOKIE])),
    ("a long cookie", "geneve_option_length", glb(udp, options=[ENDPOINT, ATTACHMENT, changed(COOKIE, data=bytes(8))])),
    ("an option beyond the options", "geneve_option_length", glb(udp, options=[ENDPOINT, ATTACHMENT, changed(COOKIE, length=9)])),
    ("an unknown option", "no_service", glb(udp, options=[GeneveOptions(classid=0x0102, type=1, data=bytes(4)), *AWS])),
    ("an unknown critical option", "geneve_critical", glb(udp, options=[GeneveOptions(classid=0x0102, type=0x81), *AWS])),
    ("the C bit, and an unknown critical option", "geneve_critical", glb(udp, critical=1, options=[GeneveOptions(classid=0x0102, type=0x81), *AWS])),
    ("optionlen beyond the datagram", "geneve_truncated", glb(udp, optionlen=63)),
    ("IPv4 as 0x86dd", "inner_version", glb(udp / bytes(20), proto=0x86DD)),
    ("IPv6 as 0x0800", "inner_version", glb(udp6, proto=0x0800)),
    ("half an IPv4 header", "inner_truncated", glb(Raw(bytes(udp)[:10]))),
    ("half an IPv6 header", "inner_truncated", glb(Raw(bytes(udp6)[:20]), proto=0x86DD)),
    ("half a UDP header", "inner_truncated", glb(IP(src="192.168.1.1", dst="100.64.0.1", proto=17) / bytes(7))),
    ("half a TCP header", "inner_truncated", glb(IP(src="192.168.1.1", dst="100.64.0.1", proto=6) / bytes(19))),
    ("inner options", "inner_options", glb(changed(udp, options=[("NOP")] * 4))),
    ("an inner length beyond the datagram", "inner_length", glb(changed(udp, len=2000))),
    ("an inner length shorter than its header", "inner_length", glb(changed(udp, len=19))),
    ("an inner IPv6 length beyond the datagram", "inner_length", glb(changed(udp6, plen=2000))),
    ("a TCP fragment", "inner_fragment", glb(changed(tcp, flags="MF"))),
    ("a UDP fragment", "fragment_held", glb(fragment(changed(udp, id=1) / bytes(3000), 1480)[0])),
    ("an IPv6 fragment", "inner_fragment", glb(changed(udp6, payload=IPv6ExtHdrFragment(m=1, id=1) / udp6[UDP]))),
    ("a fragment without an end", "fragment_invalid", glb(IP(src="192.168.1.1", dst="100.64.0.1", id=2, flags="MF", proto=17) / bytes(12))),
    ("a fragment too far", "fragment_too_large", glb(IP(src="192.168.1.1", dst="100.64.0.1", id=3, frag=2000, proto=17) / bytes(8))),
    ("TTL 0", "inner_ttl", glb(changed(udp, ttl=0))),
    ("hop limit 0", "inner_ttl", glb(changed(udp6, hlim=0))),
    ("to loopback", "inner_destination", glb(changed(udp, dst="127.0.0.1"))),
    ("to nobody", "inner_destination", glb(changed(udp, dst="0.0.0.0"))),
    ("to everybody", "inner_destination", glb(changed(udp, dst="255.255.255.255"))),
    ("to IPv6 loopback", "inner_destination", glb(changed(udp6, dst="::1"))),
    ("to an IPv4 address in IPv6", "inner_destination", glb(changed(udp6, dst="::ffff:127.0.0.1"))),
    ("to multicast", "inner_destination", glb(changed(udp, dst="239.1.2.3"))),
    ("to IPv6 multicast", "inner_destination", glb(changed(udp6, dst="ff02::1"))),
    ("to the router", "inner_destination_router", glb(changed(udp, dst="10.0.0.2"))),
    ("to the router over IPv6", "inner_destination_router", glb(changed(udp6, dst="2001:db8::2"))),
    ("ping", "inner_protocol", glb(IP(src="192.168.1.1", dst="100.64.0.1") / ICMP())),
    ("an ICMP error about no connection", "inner_protocol", glb(icmp_error)),
    ("an ICMP error under a UDP checksum as it should not be", "udp_checksum", glb(icmp_error, outer_udp={"chksum": 0x1234})),
    ("IPv6 hop-by-hop options", "inner_protocol", glb(changed(udp6, payload=IPv6ExtHdrHopByHop() / udp6[UDP]))),
    ("ESP", "inner_protocol", glb(changed(udp, proto=50))),
]

packets = [{"name": name, "reason": reason, "packet": bytes(packet).hex()} for name, reason, packet in PACKETS]
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(packets, indent=2) + "\n")
