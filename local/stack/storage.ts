import { z } from 'zod';
import type { Buckets } from '../services/s3.ts';
import { document, type ResourceType, refuseChange, resourceType, tags, text } from './resource-type.ts';

export function bucketTypes(
  buckets: Buckets,
  { region, account }: { region: string; account: string },
): Record<string, ResourceType> {
  return {
    'AWS::S3::Bucket': resourceType(
      z.strictObject({
        BucketName: text.optional(),
        BucketEncryption: document.optional(),
        PublicAccessBlockConfiguration: document.optional(),
        OwnershipControls: document.optional(),
        VersioningConfiguration: document.optional(),
        LifecycleConfiguration: document.optional(),
        Tags: tags,
      }),
      ['Arn'],
      async ({ BucketName }, { physicalName }) => {
        // The names of buckets are shared by all accounts, and have no capitals.
        const name = BucketName ?? `${physicalName(50)}-${account}`.toLowerCase();
        buckets.create(name, region);
        return {
          ref: name,
          attributes: { Arn: `arn:aws:s3:::${name}` },
          update: async (changed) => refuseChange({ BucketName }, { BucketName: changed.BucketName }, []),
          remove: async () => buckets.remove(name),
        };
      },
    ),

    'AWS::S3::BucketPolicy': resourceType(
      z.strictObject({ Bucket: text, PolicyDocument: document }),
      [],
      async ({ Bucket }) => ({
        ref: Bucket,
        update: async (changed) => refuseChange({ Bucket }, { Bucket: changed.Bucket }, []),
        remove: async () => {},
      }),
    ),
  };
}
