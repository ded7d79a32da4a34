#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# throughput.sh [COMMIT]
# What a router takes in over a veth from behind a load balancer's node, by this build and by an earlier one, and without either: in
# turns, medians of ROUNDS. TCP comes as a wire brings it (wire.c), which takes no more of the machine than it has to; what is sent and
# answered one by one is a client's behind the node. Receive aggregation (GRO) is on, as a network card has it, then off. Needs root,
# git, iproute2, ethtool and perf, and two processors.
set -eu
cd "$(dirname "$0")/.."
for tool in ethtool perf; do
	command -v $tool >/dev/null || { echo "no throughput without $tool: apt-get install ethtool linux-perf" >&2; exit 1; }
done
make -s build/gpe/diverter build/node.bpf.o build/wire build/wire.bpf.o build/udp build/talk

# The last build before receive aggregation.
COMMIT=${1:-9327650}
mkdir -p build/earlier
if git rev-parse --quiet --verify "$COMMIT^{commit}" >/dev/null; then
	git -C .. archive "$COMMIT" bpf | tar -x --strip-components 1 -C build/earlier
	make -s -C build/earlier build/diverter
else
	echo "no column of an earlier build: this copy of the repository has no commit $COMMIT" >&2
	rm -rf build/earlier
fi

exec unshare --mount --net --pid --fork --kill-child sh -eu bench/throughput_inside.sh
