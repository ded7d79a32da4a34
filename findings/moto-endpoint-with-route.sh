#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# moto 5.2.5: a Gateway Load Balancer endpoint is deleted while a route leads to it. EC2 refuses that until its routes are gone ("Endpoint must be
# removed from route table before deletion"; AWS PrivateLink guide, "Delete Gateway Load Balancer endpoints"): code that deletes in the wrong
# order passes here. Seen: the endpoint deleted, and the route still there, State active, GatewayId of no endpoint.
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
endpoint = ec2.create_vpc_endpoint(VpcId=vpc, VpcEndpointType='GatewayLoadBalancer', ServiceName=service['ServiceName'],
                                   SubnetIds=[subnet])['VpcEndpoint']['VpcEndpointId']
table = ec2.create_route_table(VpcId=vpc)['RouteTable']['RouteTableId']
ec2.create_route(RouteTableId=table, DestinationCidrBlock='10.20.0.0/16', VpcEndpointId=endpoint)
ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
left = ec2.describe_vpc_endpoints()['VpcEndpoints']
route = ec2.describe_route_tables(RouteTableIds=[table])['RouteTables'][0]['Routes'][-1]
print('endpoints left:', len(left), 'route:', route['GatewayId'], route['State'])
assert not [each for each in left if each['State'] == 'available'], 'the endpoint is still there'
assert route['State'] == 'active', 'the route is another one now'
PYTHON
