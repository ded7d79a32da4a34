#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# osls 4.3.1, the kept fork of the Serverless Framework 3: a stack cannot be packaged for AWS's European Sovereign Cloud, for regions are a
# list in its schema, which has those of the other partitions and lacks eusc-de-east-1. botocore 1.44.8 knows the region. Seen: exit
# status 1, "Configuration error at 'provider.region': must be equal to one of the allowed values".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check botocore==1.44.8
echo '{ "private": true }' >package.json
npm install --silent --no-audit --no-fund osls@4.3.1
printf 'service: probe\nprovider: { name: aws, runtime: nodejs22.x }\nfunctions: { probe: { handler: probe.handler } }\n' >serverless.yml
echo 'exports.handler = async () => {};' >probe.js
export AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b
venv/bin/python -c "
import botocore.session
assert 'eusc-de-east-1' in botocore.session.get_session().get_available_regions('ec2', partition_name='aws-eusc')"
for region in eu-central-1 cn-north-1 us-iso-east-1; do
	npx --no-install osls package --region "$region" >said 2>&1 || { cat said; exit 1; }
	echo "$region: packaged"
done
if npx --no-install osls package --region eusc-de-east-1 >said 2>&1; then
	echo 'eusc-de-east-1 is packaged now'
	exit 1
fi
grep --only-matching "Configuration error at 'provider.region': must be equal to one of the allowed values" said
