import { CreateTagsCommand, DeleteTagsCommand, type EC2Client } from '@aws-sdk/client-ec2';

export const setTag = (ec2: EC2Client, Resources: string[], Key: string, Value: string) =>
  ec2.send(new CreateTagsCommand({ Resources, Tags: [{ Key, Value }] }));

/** @param Value if given, a tag with another one stays */
export const unsetTag = (ec2: EC2Client, Resources: string[], Key: string, Value?: string) =>
  ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key, ...(Value !== undefined && { Value }) }] }));
