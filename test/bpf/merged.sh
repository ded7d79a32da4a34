#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# merged.sh [RELEASE...]
# Has kernels of Debian merge what comes before the diverter (GRO), in qemu, with their own module geneve: TCP over IPv4 and
# IPv6 through a load balancer's node, its bytes at the socket, and how many packets are one there. RELEASE is a release of
# Debian; the kernels are downloaded from its archive.
# apt install qemu-system-x86 cpio xz-utils iproute2
set -eu
cd "$(dirname "$0")/../../bpf"
make -s build/diverter build/harness
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ $# -gt 0 ] || set -- bookworm bookworm-backports trixie-backports
deb/packages.sh amd64 "$work/shell" busybox-static

# put FILE... copies them into the root file system, with the libraries that they need.
put() {
	for file in "$@"; do
		cp "$file" "$root/bin/"
		for library in $(ldd "$file" 2>/dev/null | grep -o '/[^ ]*'); do
			mkdir -p "$root$(dirname "$library")"
			cp -L "$library" "$root$library"
		done
	done
}

# The harness sends these as they are: 20 datagrams of one flow; 20 segments of one, with outer headers as a load balancer may send them; and a
# packet with the VNI and the remote of the device itself.
node --disable-warning=ExperimentalWarning --input-type=module -e '
	import { writeFileSync } from "node:fs";
	const { ACK, encapsulated, encapsulated6, ethernet, ipv4, ipv6, TCP, tcp, UDP, udp, withChecksum } = await import(process.argv[1]);
	const framed = (packet) => Buffer.concat([Buffer.from(Uint32Array.of(packet.length).buffer), packet]);
	const datagram = (fill) =>
		ipv4({ id: fill }, withChecksum(UDP, "192.168.1.1", "100.64.0.1", udp({ sourcePort: 1000, destinationPort: 5000 }, Buffer.alloc(1000, fill))));
	writeFileSync(`${process.argv[2]}/datagrams`, Buffer.concat(Array.from({ length: 20 }, (_, at) => framed(encapsulated(datagram(at), { ip: { id: at } })))));
	const datagram6 = (fill) => ipv6({}, withChecksum(UDP, "2001:db8:1::1", "2001:db8:2::1",
		udp({ sourcePort: 1000, destinationPort: 5000 }, Buffer.alloc(1000, fill))));
	writeFileSync(`${process.argv[2]}/datagrams6`, Buffer.concat(Array.from({ length: 20 }, (_, at) => framed(encapsulated6(datagram6(at), { ip: { id: at } })))));
	const segment = (at) => ipv4({ dontFragment: true, protocol: TCP }, withChecksum(TCP, "192.168.1.1", "100.64.0.1",
		tcp({ flags: ACK, sequence: 1 + at * 1000, sourcePort: 1000, destinationPort: 5000 }, Buffer.alloc(1000, at))));
	const ids = { constant: () => 7, counting: (at) => at, random: (at) => (at * 40503 + 7) % 65536 };
	for (const dontFragment of [true, false])
		for (const [name, id] of Object.entries(ids))
			writeFileSync(`${process.argv[2]}/${dontFragment ? "df" : "no-df"}-${name}`,
				Buffer.concat(Array.from({ length: 20 }, (_, at) => framed(encapsulated(segment(at), { ip: { dontFragment, id: id(at) } })))));
	const spoofed = encapsulated(ethernet(datagram(0), 0x0800, "ff:ff:ff:ff:ff:ff"), {
		ip: { source: "255.255.255.255" }, geneve: { protocol: 0x6558, vni: 0xffffff, options: Buffer.alloc(0) } });
	writeFileSync(`${process.argv[2]}/spoofed`, framed(spoofed));
' "$PWD/../test/bpf/packet.ts" "$work"

boot() {
	release=$1 root=$work/$1/root
	mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/run" "$root/dev" "$root/modules"
	SUITE=$([ "$release" = bookworm ] || echo "$release") deb/packages.sh amd64 "$work/$release/kernel" linux-image-cloud-amd64
	for module in udp_tunnel ip6_udp_tunnel geneve veth tun sch_ingress cls_bpf; do
		file=$(find "$work/$release/kernel" -name "$module.ko*")
		case $file in
		*.xz) xz -dc "$file" >"$root/modules/$module.ko" ;;
		?*) cp "$file" "$root/modules/" ;;
		esac
	done
	put build/diverter build/harness "$work/shell/bin/busybox" "$(command -v ip)"
	cp ../test/bpf/merged.init "$root/init"
	cp "$work/datagrams" "$work/datagrams6" "$work/spoofed" "$work"/df-* "$work"/no-df-* "$root/"
	(cd "$root" && find . | cpio --quiet -o -H newc) | gzip >"$work/initrd"
	# The emulator gets cx16 wrong, over which Debian's 6.12 stumbles.
	timeout 600 qemu-system-x86_64 -cpu qemu64,-cx16 -m 512 -nographic -no-reboot -kernel "$(find "$work/$release/kernel" -name 'vmlinuz*')" \
		-initrd "$work/initrd" -append 'console=ttyS0 panic=-1 quiet' </dev/null | tr -d '\r' >"$work/console"
	grep -aE '^(kernel|ok|not ok) ' "$work/console" || cat "$work/console"
	if grep -aq '^not ok' "$work/console" || ! grep -aq '^ok end' "$work/console"; then
		tail -50 "$work/console" >&2
		exit 1
	fi
}

for each in "$@"; do boot "$each"; done
