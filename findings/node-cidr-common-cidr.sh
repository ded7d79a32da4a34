#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# node-cidr 1.0.0: the common CIDR of addresses, or of CIDRs, may lack one of them, and may begin where no CIDR of its length can: all bits
# behind the prefix are zero in one (RFC 4632, 3.1). commonCidr() takes the smallest block that is as long as the distance is, and adds one
# bit at most, and none where the last address is the first behind the block; two neighbours can need many. Seen: 10.0.0.0/31 for
# 10.0.0.1 and 10.0.0.2, of which 10.0.0.0/30 would be; 10.0.2.0/22 for 10.0.3.0/24 and 10.0.4.0/24, which needs 10.0.0.0/21. A route or
# a rule made of it leads one of them elsewhere. The package's own includes() says that it is not in there.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' >package.json
npm install --silent --no-audit --no-fund node-cidr@1.0.0
cat >probe.js <<'PROBE'
const { cidr, ip } = require('node-cidr');

for (const [first, last] of [['10.0.0.4', '10.0.0.7'], ['10.0.0.1', '10.0.0.2'], ['10.0.1.0', '10.0.2.0']]) {
  const common = ip.commonCidr([first, last]);
  console.log(`${first} and ${last} in ${common}: ${cidr.includes(common, first)} and ${cidr.includes(common, last)}`);
}
for (const cidrs of [['10.0.2.0/24', '10.0.3.0/24'], ['10.0.3.0/24', '10.0.4.0/24']]) {
  const common = cidr.commonCidr(cidrs);
  console.log(`${cidrs.join(' and ')} in ${common}, ${cidr.toRange(common).join('-')}`);
}
PROBE
node probe.js | tee seen
diff seen - <<'SEEN'
10.0.0.4 and 10.0.0.7 in 10.0.0.4/30: true and true
10.0.0.1 and 10.0.0.2 in 10.0.0.0/31: true and false
10.0.1.0 and 10.0.2.0 in 10.0.0.0/23: true and false
10.0.2.0/24 and 10.0.3.0/24 in 10.0.2.0/23, 10.0.2.0-10.0.3.255
10.0.3.0/24 and 10.0.4.0/24 in 10.0.2.0/22, 10.0.0.0-10.0.3.255
SEEN
