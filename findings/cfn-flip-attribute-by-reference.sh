#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cfn-flip 1.3.0 cannot flip a template in which Fn::GetAtt has its attribute from a Ref, which AWS allows ("Fn::GetAtt" in the CloudFormation
# template reference: "For the Fn::GetAtt attribute name, you can use the Ref function"). From JSON to YAML it stops; from YAML's short
# form to JSON it goes on and takes the name of the parameter for the attribute, without a word. Seen: TypeError; the attribute "Output",
# where the one that the parameter Output names was asked for. From YAML's long form the Ref is kept.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check cfn-flip==1.3.0
"$work/venv/bin/python" - <<'PYTHON' | tee "$work/seen"
import json
from cfn_flip import to_json, to_yaml

print(json.loads(to_json('Id: {"Fn::GetAtt": [Hub, !Ref Output]}')))
print(json.loads(to_json('Id: !GetAtt [Hub, !Ref Output]')))
try:
    print(to_yaml('{"Id": {"Fn::GetAtt": ["Hub", {"Ref": "Output"}]}}'))
except TypeError as error:
    print('TypeError:', error)
PYTHON
diff "$work/seen" - <<'SEEN'
{'Id': {'Fn::GetAtt': ['Hub', {'Ref': 'Output'}]}}
{'Id': {'Fn::GetAtt': ['Hub', 'Output']}}
TypeError: sequence item 1: expected str instance, ODict found
SEEN
