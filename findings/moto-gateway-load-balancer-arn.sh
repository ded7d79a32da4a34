#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# moto 5.2.5: the ARN of a load balancer of Type gateway says loadbalancer/app/, as an application load balancer does, and so
# does its listener. AWS has loadbalancer/gwy/ (Elastic Load Balancing, "Resource types" in the service authorization reference):
# IAM statements and dimensions of CloudWatch that are cut from it match nothing of the other. Seen: .../loadbalancer/app/...
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[ec2,elbv2]==5.2.5' boto3==1.44.8 botocore==1.44.8
"$work/venv/bin/python" - <<'PYTHON'
import boto3
from moto import mock_aws

aws = mock_aws()
aws.start()
ec2, elb = (boto3.client(name, 'eu-central-1', aws_access_key_id='a', aws_secret_access_key='b') for name in ('ec2', 'elbv2'))
vpc = ec2.create_vpc(CidrBlock='10.0.0.0/16')['Vpc']['VpcId']
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock='10.0.1.0/24', AvailabilityZone='eu-central-1a')['Subnet']['SubnetId']
balancer = elb.create_load_balancer(Name='gateway', Type='gateway', Subnets=[subnet])['LoadBalancers'][0]
print(balancer['Type'], balancer['LoadBalancerArn'])
assert balancer['Type'] == 'gateway'
assert ':loadbalancer/app/' in balancer['LoadBalancerArn'], 'the ARN says what it is now'
PYTHON
