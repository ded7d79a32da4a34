/** A claim is there already, see claim.yml and clients-claim.yml. */
const CLAIMED = /\/ziti-glb\/(vpc-[0-9a-f]+|clients)\/([\w.-]+)\W* already exists/;

/**
 * CloudFormation says so when an account refuses something that this stack can go without: the answer adds what to do about it.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
 * @param message of the deployment that failed
 */
export function explained(message) {
  const [, whose, tag] = CLAIMED.exec(message) ?? [];
  if (whose)
    return `${message}
${whose === 'clients' ? 'VPCs that have no routers are served' : `${whose} is served`} by another stack of this account and region for the tag ${tag}, and two would undo each other's work. Which one: aws ssm get-parameter --name /ziti-glb/${whose}/${tag}. Deploy this one with another tagKey, or remove that one first.`;
  if (!/UnreservedConcurrentExecution/.test(message)) return message;
  return `${message}
The account's quota of concurrent executions is too small to reserve one for each function that changes something, and for the one that spokes ask. Deploy with --param reserveConcurrency=false, or ask for more: Service Quotas, AWS Lambda, Concurrent executions, L-B99A9384.`;
}
