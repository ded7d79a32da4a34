/**
 * Lambda gives a function its role's credentials in the environment:
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html. The SDK would look in files, containers, instances and
 * single sign-on as well, and bring along a client for each: bundles have this in its place.
 */
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';
