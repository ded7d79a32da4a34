/** Opinions are known to differ in these, and why. What differs otherwise is a failure of the run, and what no longer does, too. */
export const DIFFERENCES: Readonly<Record<string, readonly (readonly [line: RegExp, reason: string])[]>> = {
  'cfn-lint 1.58.0': [
    [/W3005 .*Role' dependency already enforced/, 'The framework declares a dependency beside a reference: no harm.'],
    [/W1033 '' is not a/, 'What an optional list of subnets is by default, where a condition leaves it out.'],
  ],
  'event-ruler 2.1.0': [
    [
      /^a pattern with a number too large/,
      'EventBridge documents -5e9 to 5e9, which this version of its matcher has given up.',
    ],
    [/^an empty name/, 'It loses a name that is empty: no event of AWS has one (findings/event-ruler-empty-name.sh).'],
  ],
  'parliament 1.6.4': [
    [
      /^\w+Role: RESOURCE_MISMATCH .*(ec2:CreateVpcEndpoint|ec2:ModifyNetworkInterfaceAttribute|ssm:SendCommand)"/,
      'A call names several resources, and each statement allows it on some of them; it wants all in one.',
    ],
    [
      /^examples\/operator-policy.json: RESOURCE_MISMATCH .*ssm:SendCommand"/,
      'As for the roles: a statement for the document, and one for the instances.',
    ],
    [
      /^examples\/operator-policy.json: UNKNOWN_ACTION .*ec2:DescribeVpcEncryptionControls/,
      'AWS has the action since November 2025, and this list of actions is older.',
    ],
    [
      /^examples\/deployer-policy.json: RESOURCE_MISMATCH .*"(cloudformation|s3|lambda|events|logs|sqs|cloudwatch|sns):/,
      'All of a service is allowed on what is named as the stack; what the service has beside that kind of resource is not meant.',
    ],
    [
      /^examples\/deployer-policy.json: RESOURCE_MISMATCH .*elasticloadbalancing:DeleteListener/,
      'Listeners of Gateway Load Balancers, and of no others.',
    ],
    [
      /^examples\/deployer-policy.json: RESOURCE_EFFECTIVELY_STAR/,
      'It looks at the resource, any of its kind, and not at the condition, which asks for a tag or for CloudFormation.',
    ],
    [
      /^examples\/deployer-policy.json: RESOURCE_STAR .*cloudwatch:DescribeAlarms/,
      'They only read, and are asked before there is anything to name.',
    ],
  ],
  'SAM 1.170.0': [
    [
      /Linting failed/,
      'Its own cfn-lint takes the two warnings above for errors; without --lint the template is valid to it.',
    ],
  ],
  'moto 5.2.5, beside the box': [
    [
      /^CreateSubnet, smaller than \/28: "done"|^DescribeSubnets, by VPC/,
      'It makes a subnet that is smaller than /28, which EC2 does not: CreateSubnet.',
    ],
    [
      /^DescribeSubnets, by a filter that is none/,
      'It says that it does not implement the filter, as no error of EC2, which refuses the name: InvalidParameterValue.',
    ],
    [
      /^(DescribeSubnets, an id of another kind|DescribeInstances, no id): "Invalid\w+.NotFound"/,
      'It does not look at the form of ids, which EC2 does first: Invalid…ID.Malformed, in the list of its error codes.',
    ],
    [
      /^(DeleteRoute, the local one|DescribeRouteTables): /,
      'It deletes the local route, which EC2 never does: CreateRoute, DeleteRoute.',
    ],
    [
      /^(CreateTags, of AWS itself|DescribeTags): /,
      'It takes a key with the prefix aws:, which is reserved: Tag restrictions.',
    ],
    [
      /^CreateLoadBalancer, a gateway: /,
      'ARNs of Gateway Load Balancers have gwy in AWS, and app here (findings/moto-gateway-load-balancer-arn.sh).',
    ],
    [
      /^CreateTargetGroup, GENEVE on another port/,
      'It takes any port; the protocol GENEVE has 6081: CreateTargetGroup.',
    ],
    [
      /^CreateVpcEndpointServiceConfiguration: .*"ServiceType":"Gateway"/,
      'It takes the type of the endpoint for that of the service; for a Gateway Load Balancer it is GatewayLoadBalancer: ServiceTypeDetail.',
    ],
    [
      /^(CreateVpcEndpoint|AcceptVpcEndpointConnections): |^DescribeVpcEndpoints, until available: \["available",0\]/,
      'An endpoint is there at once, waits for nobody and has no interface (findings/moto-endpoint-acceptance.sh).',
    ],
    [
      /^CreateVpcEndpoint, the same once more|^DescribeVpcEndpoints, until gone/,
      'It minds no client token and makes a second endpoint, which stays (findings/moto-endpoint-client-token.sh).',
    ],
    [
      /^DeleteVpcEndpoints, not there: \[\]/,
      'It says nothing of ids that are not there, where EC2 has them under Unsuccessful: DeleteVpcEndpoints.',
    ],
    [
      /^RegisterTargets, not there: "done"|^DescribeTargetHealth, of what is not registered: "healthy"/,
      'It takes any id for a target, and each target for a healthy one, registered or not: RegisterTargets, TargetHealth.',
    ],
    [
      /^DeleteVpcEndpointServiceConfigurations(, with an endpoint: \[\]|: .*NotFound)/,
      'It deletes a service that has an endpoint, which EC2 refuses until that is gone, and so has none to delete afterwards.',
    ],
    [
      /^DeleteVpcEndpoints, with a route: \[\]/,
      'It deletes an endpoint that a route leads to, which EC2 refuses (findings/moto-endpoint-with-route.sh).',
    ],
  ],
  'Terraform 1.11.4, provider aws 5.100.0, before moto': [
    [
      /^terraform apply: .*CreateStack.*already exists/,
      'It is moto that cannot make the stack: a number that a parameter of type String gives is a text to it and compared with one (CloudFormation takes it for the number), and its stack is there all the same when the provider asks again; nor could it make a key that has tags (findings/moto-stack-key-tags.sh), or a Gateway Load Balancer (findings/moto-stack-gateway-load-balancer.sh).',
    ],
  ],
};
