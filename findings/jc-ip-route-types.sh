#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# jc 1.26.1: `jc --ip-route` loses the destination of each route that has a type, and takes the type for it. ip-route(8) prints a type other
# than unicast before the destination: blackhole, unreachable, prohibit, throw, and local or broadcast in `table all`. The next hops of a
# route that has several are routes to "nexthop". Who asks which ranges a host drops or spreads is told none. Seen: ip is "blackhole",
# "local", "nexthop"; 10.20.0.0/16 and 10.0.0.4 are in no record.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check jc==1.26.1
"$work/venv/bin/python" - <<'PYTHON' | tee "$work/seen"
import jc

printed = '''\
10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.4
blackhole 10.20.0.0/16 proto static metric 10
10.30.0.0/16 proto static
\tnexthop via 10.0.0.1 dev eth0 weight 1
local 10.0.0.4 dev eth0 table local proto kernel scope host src 10.0.0.4
'''
for route in jc.parse('ip_route', printed):
    print(route)
PYTHON
diff "$work/seen" - <<'SEEN'
{'ip': '10.0.0.0/24', 'dev': 'eth0', 'proto': 'kernel', 'scope': 'link', 'src': '10.0.0.4'}
{'ip': 'blackhole', 'proto': 'static', 'metric': 10}
{'ip': '10.30.0.0/16', 'proto': 'static'}
{'ip': 'nexthop', 'via': '10.0.0.1', 'dev': 'eth0'}
{'ip': 'local', 'dev': 'eth0', 'proto': 'kernel', 'scope': 'host', 'src': '10.0.0.4'}
SEEN
