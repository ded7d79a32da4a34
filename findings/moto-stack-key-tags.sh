#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# moto 5.2.5: a CloudFormation stack whose AWS::KMS::Key has Tags cannot be made. Its schema has Key and Value, as CloudFormation's types
# do; moto hands them to KMS's own API, which says TagKey and TagValue. Seen: KeyError 'TagKey', or, where another resource asks for the
# key's ARN first, "Template error: instance of Fn::GetAtt references undefined resource". Without Tags the same stack is made.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[cloudformation]==5.2.5' boto3==1.44.8 botocore==1.44.8
"$work/venv/bin/python" - <<'PYTHON'
import json
import boto3
from moto import mock_aws

mock_aws().start()
cloudformation = boto3.client('cloudformation', 'eu-central-1', aws_access_key_id='a', aws_secret_access_key='b')

def made(**tags):
    key = {'Type': 'AWS::KMS::Key', 'Properties': {'KeyPolicy': {'Version': '2012-10-17', 'Statement': []}, **tags}}
    body = json.dumps({'Resources': {'Key': key}, 'Outputs': {'Arn': {'Value': {'Fn::GetAtt': ['Key', 'Arn']}}}})
    try:
        cloudformation.create_stack(StackName=f'with-{len(tags)}', TemplateBody=body)
    except Exception as error:
        return f'{type(error).__name__}: {error}'
    return cloudformation.describe_stacks(StackName=f'with-{len(tags)}')['Stacks'][0]['StackStatus']

without, tagged = made(), made(Tags=[{'Key': 'team', 'Value': 'network'}])
print('without tags:', without)
print('with tags:', tagged)
assert without == 'CREATE_COMPLETE'
assert 'TagKey' in tagged or 'undefined resource Key' in tagged, 'a key has its tags now'
PYTHON
