#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# moto 5.2.5: an endpoint to a service that requires acceptance is available at once, and nobody can accept it, for
# DescribeVpcEndpointConnections is not implemented. On AWS it is pendingAcceptance, then pending for minutes, and takes no route
# before it is available. Seen: state "available" in the answer of CreateVpcEndpoint, NotImplementedError.
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
state = ec2.create_vpc_endpoint(VpcId=vpc, VpcEndpointType='GatewayLoadBalancer', ServiceName=service['ServiceName'],
                                SubnetIds=[subnet])['VpcEndpoint']['State']
print('acceptance required:', service['AcceptanceRequired'], 'state:', state)
assert service['AcceptanceRequired'] and state == 'available', 'an endpoint waits for its acceptance now'
try:
    ec2.describe_vpc_endpoint_connections()
    raise SystemExit('connections can be listed now')
except NotImplementedError as error:
    print(error)
PYTHON
