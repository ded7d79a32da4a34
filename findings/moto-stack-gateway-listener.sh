#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# moto 5.2.5: a CloudFormation stack cannot have the listener of a Gateway Load Balancer. Such a listener has neither a port nor a protocol
# (AWS::ElasticLoadBalancingV2::Listener: "You can't specify a port for a Gateway Load Balancer"), and moto's own CreateListener takes it so.
# Seen: ValidationError "A listener port must be specified" for the stack, where the API makes the same listener.
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
balancer = elb.create_load_balancer(Name='gateway', Type='gateway', Subnets=[subnet])['LoadBalancers'][0]['LoadBalancerArn']
group = elb.create_target_group(Name='routers', Protocol='GENEVE', Port=6081, VpcId=vpc, TargetType='instance')['TargetGroups'][0]['TargetGroupArn']
actions = [{'Type': 'forward', 'TargetGroupArn': group}]
listener = {'Type': 'AWS::ElasticLoadBalancingV2::Listener', 'Properties': {'LoadBalancerArn': balancer, 'DefaultActions': actions}}
try:
    cloudformation.create_stack(StackName='listener', TemplateBody=json.dumps({'Resources': {'Listener': listener}}))
    stack = 'made'
except Exception as error:
    stack = str(error)
api = elb.create_listener(LoadBalancerArn=balancer, DefaultActions=actions)['Listeners'][0]['ListenerArn']
print('by the API:', api)
print('by a stack:', stack)
assert 'A listener port must be specified' in stack, 'a stack has it now'
PYTHON
