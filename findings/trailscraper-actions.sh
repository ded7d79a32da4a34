#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# trailscraper 0.10.0 writes policies with actions that IAM has not, and leaves out the ones that were used. It takes digits at the end of a
# name for the version that Lambda and CloudFront add to theirs, and there are actions that end in one; and has PutBucketReplication be
# s3:DeleteReplicationConfiguration. By the Service Authorization Reference they are rds:RestoreDBClusterFromS3 and
# s3:PutReplicationConfiguration, and the package's own list of actions has both. Who runs with the policy of what he ran before is denied.
# Seen: rds:RestoreDBClusterFromS, cloud9:CreateEnvironmentEC, s3:DeleteReplicationConfiguration, none of them in that list.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check trailscraper==0.10.0
"$work/venv/bin/python" -W ignore - <<'PYTHON' | tee "$work/seen"
from trailscraper.cloudtrail import parse_records
from trailscraper.iam import all_known_iam_permissions

called = [('s3', 'GetBucketReplication'), ('s3', 'PutBucketReplication'), ('rds', 'RestoreDBClusterFromS3'), ('cloud9', 'CreateEnvironmentEC2')]
for service, name in called:
    event = {'eventSource': f'{service}.amazonaws.com', 'eventName': name, 'eventTime': '2026-11-29T12:00:00Z', 'userIdentity': {}}
    [action] = [each.json_repr() for each in parse_records([event])[0].to_statement().Action]
    print(name, 'needs', action, 'which is known' if action in all_known_iam_permissions() else 'which is none')
PYTHON
diff "$work/seen" - <<'SEEN'
GetBucketReplication needs s3:GetReplicationConfiguration which is known
PutBucketReplication needs s3:DeleteReplicationConfiguration which is none
RestoreDBClusterFromS3 needs rds:RestoreDBClusterFromS which is none
CreateEnvironmentEC2 needs cloud9:CreateEnvironmentEC which is none
SEEN
