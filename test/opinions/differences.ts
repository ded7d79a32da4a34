/** In what each is known to differ, and why; what differs otherwise is a failure of the run. */
export const DIFFERENCES: Readonly<Record<string, readonly (readonly [line: RegExp, reason: string])[]>> = {
  'cfn-lint': [
    [/W3005 .*Role' dependency already enforced/, 'The framework declares a dependency beside a reference: no harm.'],
    [/W1033 '' is not a/, 'What an optional list of subnets is by default, where a condition leaves it out.'],
  ],
  'event-ruler': [
    [
      /a pattern with a number too large/,
      'EventBridge documents -5e9 to 5e9, which this version of its matcher has given up.',
    ],
    [
      /"":/,
      'It loses an empty name at the beginning of a pattern’s path, and at the end of an event’s: no event of AWS has one.',
    ],
  ],
  parliament: [
    [
      /RESOURCE_MISMATCH .*ec2:(CreateVpcEndpoint|AcceptVpcEndpointConnections)/,
      'A call names several resources, and each statement allows it on some of them; it wants all in one.',
    ],
  ],
  SAM: [
    [
      /Linting failed/,
      'Its own cfn-lint takes the two warnings above for errors; without --lint the template is valid to it.',
    ],
  ],
  'moto 5.2.5': [
    [
      /CreateSubnet, smaller than|DescribeSubnets, by VPC/,
      'It takes a subnet that is smaller than /28, which EC2 does not.',
    ],
  ],
};
