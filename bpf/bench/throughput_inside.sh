# SPDX-License-Identifier: Apache-2.0
# The part of throughput.sh within namespaces of its own.
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t bpf bpf /sys/fs/bpf
ROUNDS=${ROUNDS:-3} SECONDS_EACH=${SECONDS_EACH:-1}
in_node() { ip netns exec node "$@"; }
in_client() { ip netns exec client "$@"; }
ip netns add node
ip netns add client
ip link set lo up
ip link add eth0 mtu 9001 type veth peer name eth0 netns node mtu 9001
ip -n client link add eth0 mtu 8500 type veth peer name eth1 netns node mtu 8500
ip address add 10.0.0.2/24 dev eth0
ip link set eth0 up
ip route add local 100.64.0.0/10 dev lo
ip route add 192.168.0.0/16 via 10.0.0.1
for where in node client; do ip -n $where link set lo up; ip -n $where link set eth0 up; done
ip -n node link set eth1 up
ip -n node address add 10.0.0.1/24 dev eth0
ip -n node address add 192.168.1.254/24 dev eth1
ip -n node route add 100.64.0.0/10 via 10.0.0.2
ip -n client address add 192.168.1.1/24 dev eth0
in_node sysctl -qw net.ipv4.ip_forward=1
quiet="tso off gso off gro off tx off rx off"
ethtool -K eth0 $quiet >/dev/null
in_node ethtool -K eth0 $quiet >/dev/null
in_node ethtool -K eth1 $quiet >/dev/null
in_client ethtool -K eth0 $quiet >/dev/null
for interface in all eth0; do
	sysctl -qw net.ipv4.conf.$interface.rp_filter=0
	in_node sysctl -qw net.ipv4.conf.$interface.rp_filter=0
done
in_node tc qdisc add dev eth0 clsact
iperf3 --server --bind 100.64.0.1 >/dev/null &
build/talk serve 100.64.0.1 5202 &
for rule in "tcp 5201 0 iperf3" "tcp 5202 0 talk" "udp 443 40000 sink"; do
	set -- $rule
	build/diverter -I -c 100.64.0.0 -m 10 -p $1 -o 0.0.0.0 -n 0 -l $2 -h $2 -t $3 -s $4 >/dev/null
done
sleep 0.5

# What the node puts packets into, and what takes them out; and the address of the UDP listener then.
plain() { sink="100.64.0.1 443"; }
earlier() { through build/earlier/build/diverter geneve; }
this() { through build/diverter geneve; }
this_merged() {
	if ip link show ziti-glb-gro >/dev/null 2>&1; then
		through build/diverter geneve
	else
		ip link add gpe type vxlan dstport 6081 nolearning gpe external
		ip link set gpe addrgenmode none up
		through build/gpe/diverter gpe
	fi
}
through() {
	"$1" attach eth0 --from 10.0.0.0/24 >/dev/null
	in_node tc filter add dev eth0 egress bpf direct-action object-file build/node.bpf.o section "$2"
	sink="127.0.0.1 40000"
}
nothing() {
	in_node tc filter del dev eth0 egress
	build/diverter detach >/dev/null
	ip link del gpe 2>/dev/null || true
}

figure() { sed -n "s/.*\"$1\":[[:space:]]*\([0-9.]*\).*/\1/p" | tail -1; }
busy() { awk '/^cpu / { print ($2 + $3 + $4 + $6 + $7 + $8) / 100 }' /proc/stat; }
# tcp MTU STREAMS: Gbit/s, and cores for each.
tcp() {
	ip -n client route replace 100.64.0.0/10 via 192.168.1.254 mtu $1
	before=$(busy)
	rate=$(in_client iperf3 --client 100.64.0.1 --time $SECONDS_EACH --parallel $2 --json | sed -n "/sum_received/,/}/p" | figure bits_per_second)
	echo "$rate $before $(busy)" | awk -v time=$SECONDS_EACH '{ printf "%.2f %.3f\n", $1 / 1e9, ($3 - $2) / time / ($1 / 1e9) }'
}
udp() {
	in_client build/udp blast 100.64.0.1 443 $((SECONDS_EACH + 2)) &
	blast=$!
	sleep 1
	build/udp sink $sink $SECONDS_EACH | awk '{ printf "%.0f\n", $1 / 1000 }'
	wait $blast
}
# note WAY ROW VALUE
note() { echo "$3" >>"/run/$gro.$2.$1"; }
measure() {
	set -- $1 $(tcp 1500 1) $(tcp 1500 8) $(tcp 1500 64) $(tcp 8500 1) $(udp) \
		$(in_client build/talk connections 100.64.0.1 5202 $SECONDS_EACH) $(in_client build/talk trips 100.64.0.1 5202 $SECONDS_EACH)
	note $1 a "$2"
	note $1 b "$3"
	note $1 c "$4"
	note $1 d "$6"
	note $1 e "$8"
	way=$1
	shift 9
	note $way f "$1"
	note $way g "$2"
	note $way h "$3"
}
median() { sort -n "$1" 2>/dev/null | awk '{ all[NR] = $1 } END { print NR ? all[int((NR + 1) / 2)] : "-" }'; }
ways="plain$([ ! -x build/earlier/build/diverter ] || echo " earlier") this this_merged"
print() {
	printf '\n%-34s %9s %9s %9s %9s %10s %10s\n' "receive aggregation $gro" plain earlier this merged "of plain" "of earlier"
	while read -r row name; do
		set --
		for way in plain earlier this this_merged; do set -- "$@" "$(median /run/$gro.$row.$way)"; done
		echo "$@" | awk -v name="$name" '{ printf "%-34s %9s %9s %9s %9s %10.2f %10s\n", name, $1, $2, $3, $4, $4 / $1, $2 == "-" ? "-" : sprintf("%.2f", $4 / $2) }'
	done <<-ROWS
		a TCP, 1 stream, 1500, Gbit/s
		b the same: cores for each Gbit/s
		c TCP, 8 streams, 1500
		d TCP, 64 streams, 1500
		e TCP, 1 stream, 8500
		f UDP of 64 bytes, thousand/s
		g connections a second
		h round trips of a byte a second
	ROWS
}
for gro in on off; do
	ethtool -K eth0 gro $gro >/dev/null
	for round in $(seq $ROUNDS); do
		for way in $ways; do
			$way
			measure $way
			nothing
		done
	done
	print
done
printf "\nmerged: with a kernel's GENEVE socket beside the diverter, or, where its module is not to be had, VXLAN-GPE's in its place\n"
