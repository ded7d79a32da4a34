"""What parliament has against policies of IAM, which are read as a list of [name, policy]; a line of JSON for each."""
import json
import sys

from parliament import analyze_policy_string

for name, policy in json.load(sys.stdin):
    for finding in analyze_policy_string(json.dumps(policy)).findings:
        detail = finding.detail if isinstance(finding.detail, str) else json.dumps(finding.detail)
        print(json.dumps([name, finding.issue, detail]))
