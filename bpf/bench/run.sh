#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures the diverter with few and with 10,000 services, each over TCP and UDP, in a network and mount namespace of its own. Needs root.
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
	# COUNT services over TCP and UDP, of the address and the length that these say of each.
	services() {
		i=0
		while [ $i -lt $1 ]; do
			address=$(eval echo "$2") length=$(eval echo "$3")
			add $address $length tcp
			add $address $length udp
			i=$((i + 1))
		done
	}
	each_an_address() { services $1 "100.64.\$((i / 256)).\$((i % 256))" 32; }
	each_a_prefix() { services $1 "100.\$((64 + i / 256)).\$((i % 256)).0" "\$((24 + i % 9))"; }

	echo "one service, of an address"
	each_an_address 1
	build/bench 1 1 build/baseline.bpf.o

	start=$(date +%s%N)
	each_an_address 10000
	end=$(date +%s%N)
	printf "\n10,000 services, each of an address (%s us for each -I)\n" $(((end - start) / 20000000))
	build/bench 10000 1 build/baseline.bpf.o

	build/diverter flush
	printf "\n9 services, one of each length from /24 to /32: what is looked up is one prefix for each length in use\n"
	each_a_prefix 9
	build/bench 9 256 build/baseline.bpf.o

	build/diverter flush
	printf "\n10,000 services of these lengths\n"
	each_a_prefix 10000
	build/bench 10000 256 build/baseline.bpf.o
'
