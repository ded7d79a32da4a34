#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a router takes in over a veth from a client behind a load balancer's node, offloads off so that a packet is a packet:
# plain, and in GENEVE through the diverter: TCP to a socket, UDP to a transparent listener. Needs root, iproute2, ethtool and iperf3.
set -eu
cd "$(dirname "$0")/.."
for tool in iperf3 ethtool; do
	command -v $tool >/dev/null || { echo "no throughput without $tool: apt-get install $tool" >&2; exit 1; }
done
make -s build/diverter build/node.bpf.o build/udp
exec unshare --mount --net --pid --fork --kill-child sh -eu -c '
	mount -t proc proc /proc
	mount -t tmpfs tmpfs /run
	mount -t bpf bpf /sys/fs/bpf
	in_node() { ip netns exec node "$@"; }
	ip netns add node
	ip link set lo up
	ip link add eth0 mtu 9001 type veth peer name eth0 netns node mtu 9001
	ip address add 10.0.0.2/24 dev eth0
	ip link set eth0 up
	ip route add local 100.64.0.0/10 dev lo
	ip route add 192.168.0.0/16 via 10.0.0.1
	in_node ip link set lo up
	in_node ip address add 10.0.0.1/24 dev eth0
	in_node ip address add 192.168.1.1/32 dev lo
	in_node ip link set eth0 up
	for where in "" in_node; do
		$where ethtool -K eth0 tso off gso off gro off tx off rx off tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off >/dev/null
		for interface in all eth0; do $where sysctl -qw net.ipv4.conf.$interface.rp_filter=0; done
	done
	iperf3 --server --bind 100.64.0.1 >/dev/null &
	sleep 0.5

	client() {
		in_node ip route replace 100.64.0.0/10 via 10.0.0.2 src 192.168.1.1 mtu $1
		shift
		in_node iperf3 --client 100.64.0.1 --time 3 --json "$@"
	}
	figure() { sed -n "s/.*\"$1\":[[:space:]]*\([0-9.]*\).*/\1/p" | tail -1; }
	measure() {
		for mtu in 1500 8500; do
			rate=$(client $mtu | sed -n "/sum_received/,/}/p" | figure bits_per_second)
			printf "%-9s TCP, inner MTU %s: %5.1f Gbit/s\n" $1 $mtu $(echo "$rate" | awk "{ print \$1 / 1e9 }")
		done
		in_node build/udp blast 100.64.0.1 443 5 &
		sleep 1
		printf "%-9s UDP of 64 bytes:     %5.0f thousand packets/s\n" $1 $(build/udp sink $2 3 | awk "{ print \$1 / 1000 }")
		wait $!
	}

	measure plain "100.64.0.1 443"
	build/diverter -I -c 100.64.0.0 -m 10 -p tcp -o 0.0.0.0 -n 0 -l 5201 -h 5201 -t 0 -s iperf3 >/dev/null
	build/diverter -I -c 100.64.0.0 -m 10 -p udp -o 0.0.0.0 -n 0 -l 443 -h 443 -t 40000 -s sink >/dev/null
	build/diverter attach eth0 --from 10.0.0.0/24
	in_node tc qdisc add dev eth0 clsact
	in_node tc filter add dev eth0 egress bpf direct-action object-file build/node.bpf.o section tc
	measure diverter "127.0.0.1 40000"
	build/diverter status
'
