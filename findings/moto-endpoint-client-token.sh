#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# moto 5.2.5: CreateVpcEndpoint with the same ClientToken, twice, makes two endpoints. EC2 makes one and answers the second call
# with it (Amazon EC2 developer guide, "Ensuring idempotency"): a retry whose first answer was lost passes a test here, or leaves
# a second endpoint behind that AWS would never have made. Seen: two ids that differ.
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
service = ec2.create_vpc_endpoint_service_configuration(
    GatewayLoadBalancerArns=[balancer['LoadBalancerArn']], AcceptanceRequired=True)['ServiceConfiguration']
ids = {ec2.create_vpc_endpoint(VpcId=vpc, VpcEndpointType='GatewayLoadBalancer', ServiceName=service['ServiceName'],
                               SubnetIds=[subnet], ClientToken='one')['VpcEndpoint']['VpcEndpointId'] for _ in range(2)}
print('endpoints of one client token:', *ids)
assert len(ids) == 2, 'moto minds the client token now'
PYTHON
