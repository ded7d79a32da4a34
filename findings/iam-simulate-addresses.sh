#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# @cloud-copilot/iam-simulate 0.1.173 takes 0.0.0.0/0 in a condition IpAddress for one address, 0.0.0.0: it makes the mask by a shift, and
# in JavaScript one by 32 bits is one by none. A single IPv6 address it compares as text, and RFC 4291 (2.2) lets one be written in many
# ways. IAM matches the one and the other ("IP address condition operators" in its user guide). So a policy that allows everybody, or one
# host, is said to allow nobody. Seen: ImplicitlyDenied for both; Allowed for 0.0.0.0/1 and ::/0, and for the IPv6 address with its /128.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent --no-audit --no-fund @cloud-copilot/iam-simulate@0.1.173
cat >probe.js <<'PROBE'
import { runSimulation } from '@cloud-copilot/iam-simulate';

for (const [allowed, address] of [
  ['0.0.0.0/0', '100.64.0.7'],
  ['0.0.0.0/1', '100.64.0.7'],
  ['::/0', '2001:db8::7'],
  ['2001:db8:0:0:0:0:0:7', '2001:db8::7'],
  ['2001:db8:0:0:0:0:0:7/128', '2001:db8::7'],
]) {
  const statement = { Effect: 'Allow', Action: 'ec2:*', Resource: '*', Condition: { IpAddress: { 'aws:SourceIp': allowed } } };
  const { overallResult } = await runSimulation(
    {
      request: {
        principal: 'arn:aws:iam::111122223333:role/deployer',
        action: 'ec2:DescribeInstances',
        resource: { resource: '*', accountId: '111122223333' },
        contextVariables: { 'aws:SourceIp': address },
      },
      identityPolicies: [{ name: 'addresses', policy: { Version: '2012-10-17', Statement: [statement] } }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  console.log(`${address} of ${allowed}: ${overallResult}`);
}
PROBE
node probe.js | tee seen
diff seen - <<'SEEN'
100.64.0.7 of 0.0.0.0/0: ImplicitlyDenied
100.64.0.7 of 0.0.0.0/1: Allowed
2001:db8::7 of ::/0: Allowed
2001:db8::7 of 2001:db8:0:0:0:0:0:7: ImplicitlyDenied
2001:db8::7 of 2001:db8:0:0:0:0:0:7/128: Allowed
SEEN
