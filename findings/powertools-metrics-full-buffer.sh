#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# @aws-lambda-powertools/metrics 2.36.0: the dimensions that a caller has added are gone in the middle of his metrics. CloudWatch's embedded
# metric format takes 100 values of a metric in one document, so addMetric writes a document itself when there are as many, and forgets
# dimensions and metadata with it. By its reference, they stay until the caller publishes. What is behind the hundredth value is another
# metric to CloudWatch, which an alarm on the first one never sees. Seen: of 101 values 100 have the dimensions service and vpc, and the
# last one has service alone. Default dimensions stay.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent --no-audit --no-fund @aws-lambda-powertools/metrics@2.36.0
cat >probe.js <<'PROBE'
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

const metrics = new Metrics({ namespace: 'seen', serviceName: 'subnets' });
metrics.addDimension('vpc', 'vpc-0123456789abcdef0');
for (let value = 1; value <= 101; value++) metrics.addMetric('SecondsToRoute', MetricUnit.Seconds, value);
metrics.publishStoredMetrics();
PROBE
node probe.js | node --eval '
  for (const line of require("node:fs").readFileSync(0, "utf8").trim().split("\n")) {
    const { _aws, SecondsToRoute } = JSON.parse(line);
    console.log([SecondsToRoute].flat().length, "values by", ..._aws.CloudWatchMetrics[0].Dimensions[0]);
  }' | tee seen
diff seen - <<'SEEN'
100 values by service vpc
1 values by service
SEEN
