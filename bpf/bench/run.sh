#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [COMMIT]
# Measures the diverter in ROUNDS (8) with few and with SERVICES (10,000) services, each over TCP and UDP, in a network and mount
# namespace of its own, with one service beside an earlier build. Needs root.
set -eu
export SERVICES="${SERVICES:-10000}"
cd "$(dirname "$0")/.."
make -s build/diverter build/bench build/baseline.bpf.o
bench/earlier.sh "$@"
grep -m 1 "model name" /proc/cpuinfo | sed "s/.*: //"
echo "Linux $(uname -r), $(nproc) processors"
exec unshare --mount --net sh -eu -c '
	mount -t bpf bpf /sys/fs/bpf
	mount -t tmpfs tmpfs /run
	ip link set lo up
	ip link add eth0 type veth peer name peer
	ip link add earlier type veth peer name peer-of-earlier
	for interface in eth0 earlier; do
		ip address add 10.0.0.2/24 dev $interface
		ip link set $interface up
	done
	ip link set peer up
	ip route add local 100.64.0.0/10 dev lo
	ip route add local 192.168.1.1 dev lo
	build/diverter attach eth0 --from 10.0.0.0/24
	add() { build/diverter -I -c $1 -m $2 -p $3 -o 0.0.0.0 -n 0 -l 443 -h 443 -t 40000 -s $1 >/dev/null; }
	# services PROTOCOL COUNT adds so many services, each of an address.
	services() {
		i=0
		while [ $i -lt $2 ]; do
			add 100.64.$((i / 256)).$((i % 256)) 32 $1
			i=$((i + 1))
		done
	}
	# prefixes does the same, each of a prefix of the next length.
	prefixes() {
		i=0
		while [ $i -lt $2 ]; do
			add 100.$((64 + i / 256)).$((i % 256)).0 $((24 + i % 9)) $1
			i=$((i + 1))
		done
	}
	# both has them over TCP and UDP.
	both() {
		$1 tcp $2 &
		$1 udp $2
		wait
	}

	echo "one service, of an address"
	both services 1
	earlier=
	if [ -x build/earlier/build/diverter ]; then
		earlier=/run/earlier
		mkdir $earlier
		mount -t bpf bpf $earlier
		unshare --mount sh -eu -c "
			mount --bind $earlier /sys/fs/bpf
			build/earlier/build/diverter attach earlier --from 10.0.0.0/24
			for protocol in tcp udp; do
				build/earlier/build/diverter -I -c 100.64.0.0 -m 32 -p \$protocol -o 0.0.0.0 -n 0 -l 443 -h 443 -t 40000 -s earlier >/dev/null
			done"
	fi
	build/bench 1 1 build/baseline.bpf.o ${earlier:+$earlier/ziti-glb}

	start=$(date +%s%N)
	services tcp $SERVICES
	services udp $SERVICES
	end=$(date +%s%N)
	printf "\n%s services, each of an address (%s us for each -I)\n" $SERVICES $(((end - start) / (2000 * SERVICES)))
	build/bench $SERVICES 1 build/baseline.bpf.o

	build/diverter flush
	printf "\n9 services, one of each length from /24 to /32: what is looked up is one prefix for each length in use\n"
	both prefixes 9
	build/bench 9 256 build/baseline.bpf.o

	build/diverter flush
	printf "\n%s services of these lengths\n" $SERVICES
	both prefixes $SERVICES
	build/bench $SERVICES 256 build/baseline.bpf.o

	build/diverter flush
	build/diverter attach eth0 --from 10.0.0.0/24 --reply geneve
	ip neighbour add 10.0.0.1 lladdr 02:00:00:00:00:01 dev eth0
	ip route add 192.168.2.0/24 via 10.0.0.1
	add 100.64.0.0 32 udp
	printf "\nan answer of 1,200 bytes through the load balancer, from the socket to the wire\n"
	build/bench answers "ip rule delete preference 10 2>/dev/null || :" "ip rule add preference 10 from 100.64.0.0/10 lookup main"
'
