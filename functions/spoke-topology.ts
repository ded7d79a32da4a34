import { EC2Client } from '@aws-sdk/client-ec2';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Context } from 'aws-lambda';
import { spokeConfig } from '../shared/config.ts';
import { observeSpoke } from '../shared/subnets/spoke.ts';
import { topology } from '../shared/topology/model.ts';
import { lookFromSpoke } from '../shared/topology/observe.ts';
import { answer } from '../shared/topology/widget.ts';

const config = spokeConfig(process.env);
const clients = { ec2: new EC2Client(), lambda: new LambdaClient(), ssm: new SSMClient() };
/** The picture goes by the hub's last answer, as the spoke's other function does, which may have heard another. */
const observe = observeSpoke(clients, config);

export const handler = (event: unknown, { invokedFunctionArn }: Context) =>
  answer(event, invokedFunctionArn, async () => topology(await lookFromSpoke(clients, config, Date.now(), observe)));
