#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nft 1.0.6, Debian 12's: a ruleset that is saved by `nft --json list ruleset` and loaded again is another one. The JSON has no auto-merge of
# a set, which nft(8) has among its properties, and no comment of a table, chain or set; nothing says so. Where ranges of a set overlapped
# and were merged, they are refused after that: an entry that came daily fails from the next boot on. Seen: 10.0.0.0/8 beside 10.0.0.0/16
# is merged at first, and "interval overlaps with an existing one" once the set was saved and loaded. Plain `nft list ruleset` keeps
# them all. Needs root, for a network namespace of its own, and Debian's packages nftables and util-linux.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >ruleset.nft <<'NFT'
table inet routers {
	comment "made by hand"
	set spokes {
		type ipv4_addr
		comment "what a spoke may send from"
		flags interval
		auto-merge
		elements = { 10.0.0.0/16 }
	}
}
NFT
cat >probe.sh <<'PROBE'
added() { nft add element inet routers spokes '{ 10.0.0.0/8 }' 2>&1 | grep '^Error' || echo "10.0.0.0/8 is added"; }
nft --file ruleset.nft
nft list ruleset >before
nft --json list ruleset >ruleset.json
added
nft flush ruleset
nft --json --file ruleset.json
nft list ruleset >after
added
diff before after
PROBE
{ unshare --net bash probe.sh || true; } | tee seen
diff seen - <<'SEEN'
10.0.0.0/8 is added
Error: interval overlaps with an existing one
2d1
< 	comment "made by hand"
6,7d4
< 		auto-merge
< 		comment "what a spoke may send from"
SEEN
