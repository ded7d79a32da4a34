#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# @cloud-copilot/iam-simulate 0.1.173 compares seconds with milliseconds. IAM takes a date of a condition in ISO 8601 or in epoch (Unix)
# time, both for aws:CurrentTime and for aws:EpochTime ("Date condition operators" in its user guide), and one may stand in the policy and
# the other in the request. The simulator reads the second as it is, in seconds, and the first by JavaScript's Date, in milliseconds: where
# the two meet, 2033 is long before 2026. Seen: ImplicitlyDenied for what was to be allowed until 2033, where the end is in epoch time
# and the time of the request in ISO 8601; Allowed for the same end in the request's own format.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent --no-audit --no-fund @cloud-copilot/iam-simulate@0.1.173
cat >probe.js <<'PROBE'
import { runSimulation } from '@cloud-copilot/iam-simulate';

for (const end of ['2033-05-18T03:33:20Z', '2000000000']) {
  const statement = { Effect: 'Allow', Action: 'ec2:*', Resource: '*', Condition: { DateLessThan: { 'aws:CurrentTime': end } } };
  const { overallResult } = await runSimulation(
    {
      request: {
        principal: 'arn:aws:iam::111122223333:role/deployer',
        action: 'ec2:DescribeInstances',
        resource: { resource: '*', accountId: '111122223333' },
        contextVariables: { 'aws:CurrentTime': '2026-11-29T12:00:00Z' },
      },
      identityPolicies: [{ name: 'until', policy: { Version: '2012-10-17', Statement: [statement] } }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  console.log(`until ${end}: ${overallResult}`);
}
PROBE
node probe.js | tee seen
diff seen - <<'SEEN'
until 2033-05-18T03:33:20Z: Allowed
until 2000000000: ImplicitlyDenied
SEEN
