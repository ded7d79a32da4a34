"""Makes the same calls of EC2 and Elastic Load Balancing, by boto3, at an endpoint, and writes a line of JSON for each: what it is, and
what came of it. Ids are numbered in the order in which they are seen, so that two clouds can be compared.

sequence.py ENDPOINT
"""
import json
import re
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint = sys.argv[1]
config = Config(retries={'max_attempts': 1}, parameter_validation=True)
ec2, elb = (
    boto3.client(name, 'eu-central-1', endpoint_url=endpoint, config=config, aws_access_key_id='AKIDTEST', aws_secret_access_key='secret')
    for name in ('ec2', 'elbv2')
)
ids = {}


def numbered(value):
    """Of ids by the order in which they came, so that they are the same in each cloud."""
    if isinstance(value, dict):
        return {key: numbered(each) for key, each in value.items() if each is not None}
    if isinstance(value, (list, tuple)):
        return [numbered(each) for each in value]
    if isinstance(value, str):
        return re.sub(r'\b([a-z]+)-([0-9a-f]{8,17})\b', lambda m: f'{m[1]}-{ids.setdefault(m[0], len(ids))}', value)
    return value if isinstance(value, (bool, int, float)) else str(value)


def step(name, call, pick=lambda answer: 'done'):
    """Says what came of a call: what is picked of its answer, or its error's code."""
    try:
        answer = call()
        said = numbered(pick(answer))
    except ClientError as error:
        answer, said = None, error.response['Error']['Code']
    except Exception as error:  # An answer that is none, too.
        answer, said = None, type(error).__name__
    print(json.dumps([name, said]), flush=True)
    return answer


def waits(client, name, **asked):
    step(f'wait {name}', lambda: client.get_waiter(name).wait(WaiterConfig={'Delay': 1, 'MaxAttempts': 60}, **asked))


def tagged(kind, name):
    return [{'ResourceType': kind, 'Tags': [{'Key': 'Name', 'Value': name}]}]


vpc = step('CreateVpc', lambda: ec2.create_vpc(CidrBlock='10.0.0.0/16'), lambda a: [a['Vpc'][k] for k in ('CidrBlock', 'IsDefault', 'InstanceTenancy')])['Vpc']['VpcId']
waits(ec2, 'vpc_available', VpcIds=[vpc])
step('CreateVpc, of a block that is too large', lambda: ec2.create_vpc(CidrBlock='10.0.0.0/15'))
step('CreateVpc, of no block', lambda: ec2.create_vpc(CidrBlock='ten'))
subnet = step(
    'CreateSubnet',
    lambda: ec2.create_subnet(VpcId=vpc, CidrBlock='10.0.1.0/24', AvailabilityZone='eu-central-1a', TagSpecifications=tagged('subnet', 'a')),
    lambda a: [a['Subnet'][k] for k in ('CidrBlock', 'AvailableIpAddressCount', 'AvailabilityZone', 'DefaultForAz', 'MapPublicIpOnLaunch', 'State', 'Tags')],
)['Subnet']['SubnetId']
waits(ec2, 'subnet_available', SubnetIds=[subnet])
step('CreateSubnet, that overlaps', lambda: ec2.create_subnet(VpcId=vpc, CidrBlock='10.0.1.128/25'))
step('CreateSubnet, outside of the VPC', lambda: ec2.create_subnet(VpcId=vpc, CidrBlock='10.1.0.0/24'))
step('CreateSubnet, in a VPC that is not there', lambda: ec2.create_subnet(VpcId='vpc-0123456789abcdef0', CidrBlock='10.0.2.0/24'))
step('CreateSubnet, smaller than /28', lambda: ec2.create_subnet(VpcId=vpc, CidrBlock='10.0.2.0/29'))
nodes = ec2.create_subnet(VpcId=vpc, CidrBlock='10.0.9.0/24', AvailabilityZone='eu-central-1a')['Subnet']['SubnetId']
step('DescribeSubnets, by VPC', lambda: ec2.describe_subnets(Filters=[{'Name': 'vpc-id', 'Values': [vpc]}]), lambda a: sorted(s['CidrBlock'] for s in a['Subnets']))
step('DescribeSubnets, by a tag', lambda: ec2.describe_subnets(Filters=[{'Name': 'tag:Name', 'Values': ['a*']}]), lambda a: [s['SubnetId'] for s in a['Subnets']])
step('DescribeSubnets, by a filter that is none', lambda: ec2.describe_subnets(Filters=[{'Name': 'no-such', 'Values': ['a']}]))
step('DescribeSubnets, not there', lambda: ec2.describe_subnets(SubnetIds=['subnet-0123456789abcdef0']))
step('DescribeSubnets, an id of another kind', lambda: ec2.describe_subnets(SubnetIds=['vpc-0123456789abcdef0']))
table = step(
    'CreateRouteTable',
    lambda: ec2.create_route_table(VpcId=vpc),
    lambda a: a['RouteTable']['Routes'],
)['RouteTable']['RouteTableId']
association = step('AssociateRouteTable', lambda: ec2.associate_route_table(RouteTableId=table, SubnetId=subnet), lambda a: a['AssociationState']['State'])['AssociationId']
step('DeleteRouteTable, in use', lambda: ec2.delete_route_table(RouteTableId=table))
gateway = ec2.create_internet_gateway()['InternetGateway']['InternetGatewayId']
step('AttachInternetGateway', lambda: ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc))
step('CreateRoute', lambda: ec2.create_route(RouteTableId=table, DestinationCidrBlock='0.0.0.0/0', GatewayId=gateway), lambda a: a['Return'])
step('CreateRoute, that is there', lambda: ec2.create_route(RouteTableId=table, DestinationCidrBlock='0.0.0.0/0', GatewayId=gateway))
step('CreateRoute, to an interface that is not there', lambda: ec2.create_route(RouteTableId=table, DestinationCidrBlock='10.9.0.0/16', NetworkInterfaceId='eni-0123456789abcdef0'))
step('CreateRoute, to an endpoint that is not there', lambda: ec2.create_route(RouteTableId=table, DestinationCidrBlock='10.9.0.0/16', VpcEndpointId='vpce-0123456789abcdef0'))
step('CreateRoute, in a table that is not there', lambda: ec2.create_route(RouteTableId='rtb-0123456789abcdef0', DestinationCidrBlock='10.9.0.0/16', GatewayId=gateway))
step('ReplaceRoute, that is not there', lambda: ec2.replace_route(RouteTableId=table, DestinationCidrBlock='10.9.0.0/16', GatewayId=gateway))
step('DeleteRoute, that is not there', lambda: ec2.delete_route(RouteTableId=table, DestinationCidrBlock='10.9.0.0/16'))
step('DeleteRoute, the local one', lambda: ec2.delete_route(RouteTableId=table, DestinationCidrBlock='10.0.0.0/16'))
step(
    'DescribeRouteTables',
    lambda: ec2.describe_route_tables(RouteTableIds=[table]),
    lambda a: sorted(([r.get('DestinationCidrBlock'), r['Origin'], r['State'], r.get('GatewayId')] for r in a['RouteTables'][0]['Routes']), key=str),
)
step('DescribeRouteTables, not there', lambda: ec2.describe_route_tables(RouteTableIds=['rtb-0123456789abcdef0']))
step('CreateTags, on what is not there', lambda: ec2.create_tags(Resources=['subnet-0123456789abcdef0'], Tags=[{'Key': 'a', 'Value': 'b'}]))
step('CreateTags, of AWS itself', lambda: ec2.create_tags(Resources=[subnet], Tags=[{'Key': 'aws:a', 'Value': 'b'}]))
step('DescribeTags', lambda: ec2.describe_tags(Filters=[{'Name': 'resource-id', 'Values': [subnet]}]), lambda a: a['Tags'])

balancer = step(
    'CreateLoadBalancer, a gateway',
    lambda: elb.create_load_balancer(Name='glb', Type='gateway', Subnets=[nodes]),
    lambda a: [a['LoadBalancers'][0]['Type'], a['LoadBalancers'][0]['State']['Code'], re.sub(r'[0-9a-f]{16}$|(?<=:)\d{12}(?=:)', '', a['LoadBalancers'][0]['LoadBalancerArn']).split('/')[1:2]],
)['LoadBalancers'][0]['LoadBalancerArn']
waits(elb, 'load_balancer_available', LoadBalancerArns=[balancer])
group = step(
    'CreateTargetGroup, GENEVE',
    lambda: elb.create_target_group(Name='routers', Protocol='GENEVE', Port=6081, VpcId=vpc, TargetType='instance'),
    lambda a: [a['TargetGroups'][0].get(k) for k in ('Protocol', 'Port', 'HealthCheckProtocol', 'HealthCheckPort', 'HealthCheckIntervalSeconds', 'HealthCheckTimeoutSeconds', 'HealthyThresholdCount', 'UnhealthyThresholdCount', 'TargetType')],
)['TargetGroups'][0]['TargetGroupArn']
step('CreateTargetGroup, GENEVE on another port', lambda: elb.create_target_group(Name='other', Protocol='GENEVE', Port=6082, VpcId=vpc, TargetType='instance'))
step('CreateListener', lambda: elb.create_listener(LoadBalancerArn=balancer, DefaultActions=[{'Type': 'forward', 'TargetGroupArn': group}]), lambda a: a['Listeners'][0].get('Port'))
step('DescribeLoadBalancers, not there', lambda: elb.describe_load_balancers(Names=['none']))
step('DescribeTargetGroups, not there', lambda: elb.describe_target_groups(Names=['none']))
service = step(
    'CreateVpcEndpointServiceConfiguration',
    lambda: ec2.create_vpc_endpoint_service_configuration(GatewayLoadBalancerArns=[balancer], AcceptanceRequired=True),
    lambda a: [a['ServiceConfiguration'][k] for k in ('ServiceType', 'ServiceState', 'AcceptanceRequired', 'ServiceName')],
)['ServiceConfiguration']
asked = {'VpcId': vpc, 'VpcEndpointType': 'GatewayLoadBalancer', 'ServiceName': service['ServiceName'], 'SubnetIds': [subnet]}

step('ModifyVpcEndpointServicePermissions', lambda: ec2.modify_vpc_endpoint_service_permissions(ServiceId=service['ServiceId'], AddAllowedPrincipals=['*']))
endpoint_id = step('CreateVpcEndpoint', lambda: ec2.create_vpc_endpoint(ClientToken='once', **asked), lambda a: [a['VpcEndpoint'][k] for k in ('State', 'VpcEndpointType', 'SubnetIds')])['VpcEndpoint']['VpcEndpointId']
step('CreateVpcEndpoint, the same once more', lambda: ec2.create_vpc_endpoint(ClientToken='once', **asked), lambda a: a['VpcEndpoint']['VpcEndpointId'] == endpoint_id)
step('AcceptVpcEndpointConnections', lambda: ec2.accept_vpc_endpoint_connections(ServiceId=service['ServiceId'], VpcEndpointIds=[endpoint_id]), lambda a: a.get('Unsuccessful', []))


def until_available():
    for _ in range(60):
        [found] = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])['VpcEndpoints']
        if found['State'] == 'available':
            return found
        time.sleep(1)
    return found


step('DescribeVpcEndpoints, until available', until_available, lambda a: [a['State'], len(a.get('NetworkInterfaceIds', []))])
step('CreateRoute, to an endpoint', lambda: ec2.create_route(RouteTableId=table, DestinationCidrBlock='10.20.0.0/16', VpcEndpointId=endpoint_id), lambda a: a['Return'])
step('DescribeVpcEndpoints, not there', lambda: ec2.describe_vpc_endpoints(VpcEndpointIds=['vpce-0123456789abcdef0']))
step('DeleteVpcEndpoints, not there', lambda: ec2.delete_vpc_endpoints(VpcEndpointIds=['vpce-0123456789abcdef0']), lambda a: [u['Error']['Code'] for u in a['Unsuccessful']])
image = sys.argv[2]
[instance] = step(
    'RunInstances',
    lambda: ec2.run_instances(ImageId=image, InstanceType='t3.small', MinCount=1, MaxCount=1, SubnetId=nodes, TagSpecifications=tagged('instance', 'router')),
    lambda a: [a['Instances'][0]['State'], a['Instances'][0].get('SourceDestCheck')],
)['Instances']
id = instance['InstanceId']
waits(ec2, 'instance_running', InstanceIds=[id])
step('RegisterTargets', lambda: elb.register_targets(TargetGroupArn=group, Targets=[{'Id': id}]))
waits(elb, 'target_in_service', TargetGroupArn=group)
step('RegisterTargets, not there', lambda: elb.register_targets(TargetGroupArn=group, Targets=[{'Id': 'i-0123456789abcdef0'}]))
step('DescribeTargetHealth, of what is not registered', lambda: elb.describe_target_health(TargetGroupArn=group, Targets=[{'Id': 'i-0123456789abcdef0'}]), lambda a: a['TargetHealthDescriptions'][0]['TargetHealth']['State'])
step('DescribeInstances, not there', lambda: ec2.describe_instances(InstanceIds=['i-0123456789abcdef0']))
step('DescribeInstances, no id', lambda: ec2.describe_instances(InstanceIds=['i-xyz']))
face = instance['NetworkInterfaces'][0]['NetworkInterfaceId']
step('ModifyNetworkInterfaceAttribute', lambda: ec2.modify_network_interface_attribute(NetworkInterfaceId=face, SourceDestCheck={'Value': False}))
step('DescribeInstances, its check is off', lambda: ec2.describe_instances(InstanceIds=[id]), lambda a: a['Reservations'][0]['Instances'][0]['NetworkInterfaces'][0]['SourceDestCheck'])
step('ModifyNetworkInterfaceAttribute, not there', lambda: ec2.modify_network_interface_attribute(NetworkInterfaceId='eni-0123456789abcdef0', SourceDestCheck={'Value': False}))
step('DeleteVpcEndpointServiceConfigurations, with an endpoint', lambda: ec2.delete_vpc_endpoint_service_configurations(ServiceIds=[service['ServiceId']]), lambda a: [u['Error']['Code'] for u in a.get('Unsuccessful', [])])
step('DeleteVpcEndpoints, with a route', lambda: ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint_id]), lambda a: [u['Error']['Code'] for u in a.get('Unsuccessful', [])])
step('DeleteRoute, to an endpoint', lambda: ec2.delete_route(RouteTableId=table, DestinationCidrBlock='10.20.0.0/16'))
step('DeleteVpcEndpoints', lambda: ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint_id]), lambda a: a.get('Unsuccessful', []))


def until_gone():
    for _ in range(60):
        left = ec2.describe_vpc_endpoints(Filters=[{'Name': 'vpc-id', 'Values': [vpc]}])['VpcEndpoints']
        if not [each for each in left if each['State'] != 'deleted']:
            return 'gone'
        time.sleep(1)
    return 'still there'


step('DescribeVpcEndpoints, until gone', until_gone, lambda a: a)
step('DeleteVpcEndpointServiceConfigurations', lambda: ec2.delete_vpc_endpoint_service_configurations(ServiceIds=[service['ServiceId']]), lambda a: a.get('Unsuccessful', []))
step('TerminateInstances', lambda: ec2.terminate_instances(InstanceIds=[id]), lambda a: a['TerminatingInstances'][0]['CurrentState']['Name'])
waits(ec2, 'instance_terminated', InstanceIds=[id])
