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
# Frames that the card has received, and the packets that they became for the stack.
frames() { awk '$1 == "eth0:" { print $3 }' /proc/net/dev; }
packets() { awk '$1 == "Ip:" { print $4 }' /proc/net/snmp | tail -1; }
# Seconds of a processor that a command, its server and the kernel on their behalf took; of these the router's card, whose polls
# bring packets as far as their sockets; and the server's copying out of the socket. All else is the client's and the node's, and
# what others do on the machine is in none.
SAMPLES=4000 # a second, on each processor
sampled() { perf record -q -e cpu-clock -F $SAMPLES -a -g -o /run/samples "$@" 2>/dev/null; }
seconds() {
	perf script -i /run/samples -F comm,ip,sym 2>/dev/null | awk -v rate=$SAMPLES '
		BEGIN { RS = "" }
		!/^(iperf3|udp|ksoftirqd)/ { next }
		{ all++ }
		/ veth_poll/ { card++; next }
		/ tcp_recvmsg/ && !/ (process_backlog|tcp_write_xmit)/ { copying++ }
		END { print all / rate, card / rate, copying / rate }'
}
# tcp MTU STREAMS: Gbit/s; cores for each, of all, of the router's card and of its copying; frames in each packet.
tcp() {
	ip -n client route replace 100.64.0.0/10 via 192.168.1.254 mtu $1
	before="$(frames) $(packets)"
	rate=$(sampled ip netns exec client iperf3 --client 100.64.0.1 --time $SECONDS_EACH --parallel $2 --json | sed -n "/sum_received/,/}/p" | figure bits_per_second)
	echo "$rate $before $(frames) $(packets) $(seconds)" | awk -v time=$SECONDS_EACH '{
		gigabits = $1 * time / 1e9
		printf "%.2f %.3f %.4f %.4f %.1f\n", gigabits / time, $6 / gigabits, $7 / gigabits, $8 / gigabits, ($4 - $2) / ($5 - $3) }'
}
# udp: thousands a second that the listener gets; nanoseconds of the router's card for each that arrives.
udp() {
	in_client build/udp blast 100.64.0.1 443 $((SECONDS_EACH + 2)) &
	blast=$!
	sleep 1
	before=$(frames)
	received=$(sampled build/udp sink $sink $SECONDS_EACH)
	echo "$received $before $(frames) $(seconds)" | awk '{ printf "%.0f %.0f\n", $1 / 1000, $5 * 1e9 / ($3 - $2) }'
	wait $blast
}
# note ROW VALUE
note() { echo "$2" >>"/run/$gro.$1.$way"; }
measure() {
	way=$1
	set -- $(tcp 1500 1)
	note a "$1"
	note b "$2"
	note c "$3"
	note d "$4"
	note e "$5"
	set -- $(tcp 1500 8)
	note f "$1"
	note g "$3"
	set -- $(tcp 1500 64)
	note h "$1"
	note i "$3"
	set -- $(tcp 8500 1)
	note j "$1"
	note k "$3"
	set -- $(udp)
	note l "$1"
	note m "$2"
	note n "$(in_client build/talk connections 100.64.0.1 5202 $SECONDS_EACH)"
	note o "$(in_client build/talk trips 100.64.0.1 5202 $SECONDS_EACH)"
}
median() { sort -n "$1" 2>/dev/null | awk '{ all[NR] = $1 } END { print NR ? all[int((NR + 1) / 2)] : "-" }'; }
ways="plain$([ ! -x build/earlier/build/diverter ] || echo " earlier") this this_merged"
print() {
	printf '\n%-34s %9s %9s %9s %9s %10s %10s\n' "receive aggregation $gro" plain earlier this merged "of plain" "of earlier"
	while IFS= read -r line; do
		row=${line%% *} name=${line#* }
		set --
		for way in plain earlier this this_merged; do set -- "$@" "$(median /run/$gro.$row.$way)"; done
		echo "$@" | awk -v name="$name" 'function of(a, b) { return a + 0 && b + 0 ? sprintf("%.2f", a / b) : "-" }
			{ printf "%-34s %9s %9s %9s %9s %10s %10s\n", name, $1, $2, $3, $4, of($4, $1), of($4, $2) }'
	done <<-ROWS
		a TCP, 1 stream, 1500, Gbit/s
		b   cores for each Gbit/s
		c   of these the router's card
		d   and its copying from the socket
		e   frames in a packet
		f TCP, 8 streams, 1500
		g   cores: the router's card
		h TCP, 64 streams, 1500
		i   cores: the router's card
		j TCP, 1 stream, 8500
		k   cores: the router's card
		l UDP of 64 bytes, thousand/s
		m   ns each of the router's card
		n connections a second
		o round trips of a byte a second
	ROWS
}
for gro in ${AGGREGATION:-on off}; do
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
