#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures the diverter with 1 and with 10,000 services, in a network and mount namespace of its own. Needs root.
set -eu
cd "$(dirname "$0")/.."
make -s build/diverter build/bench build/baseline.bpf.o
grep -m 1 "model name" /proc/cpuinfo | sed "s/.*: //"
echo "Linux $(uname -r), $(nproc) processors"
exec unshare --mount --net sh -eu -c '
	mount -t bpf bpf /sys/fs/bpf
	ip link set lo up
	ip link add eth0 type veth peer name peer
	ip address add 10.0.0.2/24 dev eth0
	ip link set eth0 up
	ip link set peer up
	ip route add local 100.64.0.0/10 dev lo
	ip route add local 192.168.0.0/16 dev lo
	build/diverter attach eth0 --from 10.0.0.0/24
	add() { build/diverter -I -c $1 -m $2 -p $3 -o 0.0.0.0 -n 0 -l 443 -h 443 -t 40000 -s $1 >/dev/null; }
	services() {
		i=0
		while [ $i -lt 10000 ]; do
			address=$(eval echo "$1") length=$(eval echo "$2")
			add $address $length tcp
			add $address $length udp
			i=$((i + 1))
		done
	}
	echo "one service"
	add 100.64.0.0 32 tcp
	add 100.64.0.0 32 udp
	build/bench 1 1 build/baseline.bpf.o

	start=$(date +%s%N)
	services "100.64.\$((i / 256)).\$((i % 256))" 32
	end=$(date +%s%N)
	printf "\n10,000 services over TCP and UDP, each of one address (%s us for each -I)\n" $(((end - start) / 20000000))
	build/bench 10000 1 build/baseline.bpf.o

	build/diverter flush
	services "100.\$((64 + i / 256)).\$((i % 256)).0" "\$((24 + i % 9))"
	printf "\n10,000 services over TCP and UDP, prefixes of /24 to /32\n"
	build/bench 10000 256 build/baseline.bpf.o
'
