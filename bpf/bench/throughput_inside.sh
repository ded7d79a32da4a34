# SPDX-License-Identifier: Apache-2.0
# throughput.sh runs this part of itself within namespaces of its own.
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir /run/sys
mount -t sysfs sysfs /run/sys # of this namespace
mount -t bpf bpf /sys/fs/bpf
ROUNDS=${ROUNDS:-3} SECONDS_EACH=${SECONDS_EACH:-1}
in_node() { ip netns exec node "$@"; }
in_client() { ip netns exec client "$@"; }
# One processor has all that sends, and the router's card, the other has the router's program that reads; and nobody else who is on
# the machine delays them.
REALTIME="chrt --fifo 1 taskset --cpu-list"
chrt --fifo 1 true 2>/dev/null || {
	printf '\nwhat else runs delays what is measured: SCHED_FIFO is not permitted here\n'
	REALTIME="taskset --cpu-list"
}
sending() { $REALTIME 0 "$@"; }
reading() { $REALTIME 1 "$@"; }
ip netns add node
ip netns add client
ip link set lo up
ip link add eth0 mtu 9001 address 02:00:00:00:00:02 type veth peer name eth0 address 02:02:00:00:00:01 netns node mtu 9001
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
ip -n client route add 100.64.0.0/10 via 192.168.1.254
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
reading build/talk serve 100.64.0.1 5202 &
for rule in "tcp 5202 0 talk" "tcp 5203 0 sink" "udp 443 40000 sink"; do
	set -- $rule
	build/diverter -I -c 100.64.0.0 -m 10 -p $1 -o 0.0.0.0 -n 0 -l $2 -h $2 -t $3 -s $4 >/dev/null
done
sleep 0.5

# Kernels before 5.18 have no live frames, and not every one may be asked for them.
ethtool -K eth0 gro on >/dev/null
build/wire sink 1 0 >/dev/null 2>&1 &
sink=$!
exec ip netns exec node build/wire send build/wire.bpf.o eth0 plain 1500 1 >/dev/null 2>/run/said &
wire=$!
wait $sink && tcp=yes || tcp=
kill $wire 2>/dev/null || :
wait $wire || :
[ -n "$tcp" ] || printf '\nskipped, TCP: no live frames (BPF_F_TEST_XDP_LIVE_FRAMES) arrive here: %s\n' "$(tail -n 1 /run/said)"

# A kind says what the node puts packets into, and what takes them out; and the address of the UDP listener then.
plain() { sink="100.64.0.1 443" kind=plain; }
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
	sink="127.0.0.1 40000" kind=$2
}
nothing() {
	in_node tc filter del dev eth0 egress
	build/diverter detach >/dev/null
	ip link del gpe 2>/dev/null || true
}

# Frames that the card has received, and the packets that they became for the stack.
frames() { awk '$1 == "eth0:" { print $3 }' /proc/net/dev; }
packets() { awk '$1 == "Ip:" { print $4 }' /proc/net/snmp | tail -1; }
# The router's card took so many seconds of a processor: its polls bring packets as far as their sockets.
SAMPLES=4000 # a second, on each processor
sampled() { perf record -q -e cpu-clock -F $SAMPLES -m 8M -a -g -o /run/samples "$@" 2>/dev/null; }
seconds() {
	perf script -i /run/samples -F cpu,ip,sym 2>/dev/null |
		awk -v rate=$SAMPLES 'BEGIN { RS = "" } /\[000\]/ && / veth_poll/ { card++ } END { print card / rate }'
}
# The card interrupts so many nanoseconds after a frame; 0: it is polled as soon as what was sent together is there.
coalesce() {
	echo $1 >/run/sys/class/net/eth0/gro_flush_timeout
	echo $(($1 > 0 ? 2 : 0)) >/run/sys/class/net/eth0/napi_defer_hard_irqs
}
# wire MTU STREAMS notes Gbit/s; the router's cores for each, its card's and its program's of these; frames in each packet.
wire() {
	exec $REALTIME 0 ip netns exec node build/wire send build/wire.bpf.o eth0 $kind $1 $2 >>/run/wire.$gro.$way &
	wire=$!
	before="$(frames) $(packets)"
	received=$(sampled $REALTIME 1 build/wire sink $2 $SECONDS_EACH) || received=0
	after="$(frames) $(packets)"
	kill $wire 2>/dev/null || :
	wait $wire || :
	echo "$received $before $after $(seconds)" | awk '$1 > 0 && $7 > $5 {
		printf "%.2f %.4f %.4f %.4f %.1f\n", $1 / $2, ($8 + $3) / $1, $8 / $1, $3 / $1, ($6 - $4) / ($7 - $5) }'
}
# udp notes the thousands a second that the listener gets; nanoseconds of the router's card for each that arrives.
udp() {
	sending ip netns exec client build/udp blast 100.64.0.1 443 $((SECONDS_EACH + 2)) &
	blast=$!
	sleep 1
	before=$(frames)
	received=$(sampled $REALTIME 1 build/udp sink $sink $SECONDS_EACH)
	echo "$received $before $(frames) $(seconds)" | awk '$3 > $2 { printf "%.0f %.0f\n", $1 / 1000, $4 * 1e9 / ($3 - $2) }'
	wait $blast
}
# note ROW VALUE
note() { echo "$2" >>"/run/$gro.$1.$way"; }
# A machine that is too busy, or a load that is too much for it: the table has what other rounds had.
nothing_came() { echo "$1, $way, receive aggregation $gro: nothing came" >&2; }
taken_in() {
	[ -n "$tcp" ] || return 0
	row=$1$2
	set -- $(wire $1 $2)
	[ $# = 5 ] || { nothing_came "TCP, row $row" && return; }
	note a$row "$1"
	note b$row "$2"
	note c$row "$3"
	note d$row "$4"
	note e$row "$5"
}
measure() {
	way=$1
	for streams in ${STREAMS:-1 8 64}; do taken_in 1500 $streams; done
	[ $gro = on ] || return 0 # with the program that this needs, what does not come as live frames would be copied
	coalesce 100000
	taken_in 8500 1
	coalesce 0
	set -- $(udp)
	if [ $# = 2 ]; then
		note l "$1"
		note m "$2"
	else
		nothing_came UDP
	fi
	note n "$(sending ip netns exec client build/talk connections 100.64.0.1 5202 $SECONDS_EACH)"
	note o "$(sending ip netns exec client build/talk trips 100.64.0.1 5202 $SECONDS_EACH)"
}
median() { sort -n "$1" 2>/dev/null | awk '{ all[NR] = $1 } END { print NR ? all[int((NR + 1) / 2)] : "-" }'; }
ways="plain$([ ! -x build/earlier/build/diverter ] || echo " earlier") this this_merged"
print() {
	printf '\n%-34s %9s %9s %9s %9s %10s %10s\n' "receive aggregation $gro" plain earlier this merged "of plain" "of earlier"
	while IFS= read -r line; do
		row=${line%% *} name=${line#* }
		[ -e /run/$gro.$row.plain ] || continue
		set --
		for way in plain earlier this this_merged; do set -- "$@" "$(median /run/$gro.$row.$way)"; done
		echo "$@" | awk -v name="$name" 'function of(a, b) { return a + 0 && b + 0 ? sprintf("%.2f", a / b) : "-" }
			{ printf "%-34s %9s %9s %9s %9s %10s %10s\n", name, $1, $2, $3, $4, of($4, $1), of($4, $2) }'
	done <<-ROWS
		a15001 TCP, 1 stream, 1500, Gbit/s
		b15001   the router's cores for each
		c15001   of these its card
		d15001   and its program that reads
		e15001   frames in a packet
		a15008 TCP, 8 streams, 1500, Gbit/s
		b15008   the router's cores for each
		c15008   of these its card
		d15008   and its program that reads
		e15008   frames in a packet
		a150064 TCP, 64 streams, 1500, Gbit/s
		b150064   the router's cores for each
		c150064   of these its card
		d150064   and its program that reads
		e150064   frames in a packet
		a85001 TCP, 1 stream, 8500, Gbit/s
		b85001   the router's cores for each
		c85001   of these its card
		d85001   and its program that reads
		e85001   frames in a packet
		l UDP of 64 bytes, thousand/s
		m   ns each of the router's card
		n connections a second
		o round trips of a byte a second
	ROWS
}
for gro in ${AGGREGATION:-on ${tcp:+off}}; do
	[ $gro = on ] || ip link set eth0 xdp object build/wire.bpf.o section xdp.frags
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
[ -z "$tcp" ] || cat /run/wire.* | awk '{ frames += $1; again += $2 } END { printf "\n%.0f frames, %d times one was sent again as nothing was acknowledged\n", frames, again }'
printf "\nmerged: with a kernel's GENEVE socket beside the diverter, or, where its module is not to be had, VXLAN-GPE's in its place\n"
