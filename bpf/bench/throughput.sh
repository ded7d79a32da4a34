#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# throughput.sh [COMMIT]
# Measures what a router takes in over a veth from behind a load balancer's node, by this build and by an earlier one, and
# without either: in turns, medians of ROUNDS, of STREAMS (1 8 64). TCP comes as a wire brings it (wire.c), which takes no more of
# the machine than it has to; what is sent and answered one by one is a client's behind the node. Receive aggregation (GRO) is on,
# as a network card has it, then off. Needs root, git, iproute2, ethtool and perf, and two processors; says what it leaves out
# where the machine or its kernel has not what that takes.
set -eu
cd "$(dirname "$0")/.."
skipped() { printf '\nskipped, what a router takes in: %s\n' "$*"; exit; }
for tool in ethtool perf; do
	command -v $tool >/dev/null || skipped "there is no $tool: apt-get install ethtool linux-perf"
done
said=$(perf record -q -e cpu-clock -a -o /dev/null true 2>&1) || skipped "perf may not look at this machine: $(echo "$said" | grep -m 1 .)"
for processor in 0 1; do
	taskset --cpu-list $processor true 2>/dev/null || skipped "it takes processors 0 and 1, and this may not use $processor"
done
make -s build/gpe/diverter build/node.bpf.o build/wire build/wire.bpf.o build/udp build/talk

bench/earlier.sh "$@"

exec unshare --mount --net --pid --fork --kill-child sh -eu bench/throughput_inside.sh
