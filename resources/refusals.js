/**
 * What CloudFormation says when an account refuses something that this stack can go without, with what to do about it.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
 * @param message of the deployment that failed
 */
export function explained(message) {
  if (!/UnreservedConcurrentExecution/.test(message)) return message;
  return `${message}
The account's quota of concurrent executions is too small to reserve one for each function that changes something, and for the one that spokes ask. Deploy with --param reserveConcurrency=false, or ask for more: Service Quotas, AWS Lambda, Concurrent executions, L-B99A9384.`;
}
