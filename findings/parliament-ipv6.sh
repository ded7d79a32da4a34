#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# parliament 1.6.4 calls an IAM condition on IPv6 addresses a mistake. IAM takes IPv6 in IpAddress and NotIpAddress as RFC 4291 has it
# written ("IP address condition operators" in its user guide, with 2001:DB8:1234:5678::/64 as its example); parliament looks for decimal
# digits between the colons, and for six groups. Seen: MISMATCHED_TYPE for 2001:db8:1234:5678::/64, fd00::/8 and ::/0, nothing for
# 203.0.113.0/24. Who has a pipeline stop at its findings cannot admit IPv6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check parliament==1.6.4 'setuptools<81'
"$work/venv/bin/python" -W ignore - <<'PYTHON' | tee "$work/seen"
import json
from parliament import analyze_policy_string

for range in ['203.0.113.0/24', '2001:db8:1234:5678::/64', 'fd00::/8', '::/0']:
    statement = {'Effect': 'Allow', 'Action': 'ec2:DescribeInstances', 'Resource': '*', 'Condition': {'IpAddress': {'aws:SourceIp': range}}}
    findings = analyze_policy_string(json.dumps({'Version': '2012-10-17', 'Statement': statement})).findings
    print(range, [finding.issue for finding in findings])
PYTHON
diff "$work/seen" - <<'SEEN'
203.0.113.0/24 []
2001:db8:1234:5678::/64 ['MISMATCHED_TYPE']
fd00::/8 ['MISMATCHED_TYPE']
::/0 ['MISMATCHED_TYPE']
SEEN
