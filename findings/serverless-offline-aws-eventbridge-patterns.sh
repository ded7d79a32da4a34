#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# serverless-offline-aws-eventbridge 2.2.4 delivers events locally that EventBridge does not. EventBridge's "anything-but" asks for a
# member that is there (AWS's own event-ruler has it so), may hold a prefix, and its "$or" is one condition beside the others. Seen:
# the plugin takes a member that is missing for anything but the value, any value for anything but the prefix, and with "$or" in a
# pattern asks for nothing else.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . serverless-offline-aws-eventbridge@2.2.4 >/dev/null
cat > seen.cjs <<'JS'
const Plugin = require('serverless-offline-aws-eventbridge');
const plugin = new Plugin({ service: { custom: {} } }, {}, { log: { notice() {} } });
const takes = (pattern, detail) =>
  plugin.verifyIsSubscribed(
    { event: { pattern: { source: ['aws.ec2'], detail: pattern } } },
    { Source: 'aws.ec2', DetailType: 'seen', Detail: JSON.stringify(detail) },
  );
const rows = [
  ['anything but a value, that value', { arn: [{ 'anything-but': ['a'] }] }, { arn: 'a' }, false],
  ['anything but a value, no member', { arn: [{ 'anything-but': ['a'] }] }, { name: 'b' }, true],
  ['anything but a prefix, a value with it', { arn: [{ 'anything-but': { prefix: 'a' } }] }, { arn: 'ab' }, true],
  ['one of two members, another one wrong', { name: ['b'], $or: [{ arn: ['a'] }, { id: ['a'] }] }, { name: 'c', arn: 'a' }, true],
];
for (const [what, pattern, detail, was] of rows) {
  const taken = takes(pattern, detail);
  console.log(`${what}: ${taken ? 'taken' : 'not taken'}`);
  if (taken !== was) {
    console.log('it behaves otherwise now');
    process.exitCode = 1;
  }
}
JS
node seen.cjs
