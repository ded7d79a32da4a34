#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# moto 5.2.5: a CloudFormation stack cannot have a Gateway Load Balancer. AWS::ElasticLoadBalancingV2::LoadBalancer with Type gateway makes an
# application load balancer, and its listener, which has no port, is refused then: "A listener port must be specified". The API of moto
# itself makes the one that is asked for. Seen: Type application for the stack's, gateway for the API's.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[cloudformation,ec2,elbv2]==5.2.5' boto3==1.44.8 botocore==1.44.8
"$work/venv/bin/python" - <<'PYTHON'
import json
import boto3
from moto import mock_aws

mock_aws().start()
ec2, elb, cloudformation = (
    boto3.client(name, 'eu-central-1', aws_access_key_id='a', aws_secret_access_key='b') for name in ('ec2', 'elbv2', 'cloudformation'))
vpc = ec2.create_vpc(CidrBlock='10.0.0.0/16')['Vpc']['VpcId']
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock='10.0.1.0/24', AvailabilityZone='eu-central-1a')['Subnet']['SubnetId']
balancer = {'Type': 'AWS::ElasticLoadBalancingV2::LoadBalancer', 'Properties': {'Name': 'by-stack', 'Type': 'gateway', 'Subnets': [subnet]}}
cloudformation.create_stack(StackName='stack', TemplateBody=json.dumps({'Resources': {'Balancer': balancer}}))
elb.create_load_balancer(Name='by-api', Type='gateway', Subnets=[subnet])
types = {each['LoadBalancerName']: each['Type'] for each in elb.describe_load_balancers()['LoadBalancers']}
print(types)
assert types['by-api'] == 'gateway'
assert types['by-stack'] == 'application', 'a stack has it now'
PYTHON
