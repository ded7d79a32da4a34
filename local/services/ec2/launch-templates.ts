import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { describe } from './describe.ts';
import { type Ec2, find } from './find.ts';
import type { LaunchTemplate } from './records.ts';
import { tagList, tagsAtCreation } from './tags.ts';

/** Launch templates, each with its first version only. */
export function launchTemplates(cloud: CloudContext) {
  return {
    CreateLaunchTemplate({ LaunchTemplateName, LaunchTemplateData, TagSpecifications }) {
      if ([...cloud.launchTemplates.values()].some(({ name }) => name === LaunchTemplateName))
        throw new AwsError('InvalidLaunchTemplateName.AlreadyExistsException', 'Launch template name already in use.');
      const template = {
        id: cloud.id('lt'),
        owner: cloud.account,
        name: LaunchTemplateName,
        createdAt: cloud.clock.now(),
        data: LaunchTemplateData,
      };
      cloud.launchTemplates.set(template.id, template);
      cloud.tags.set(template.id, tagsAtCreation('launchTemplate', TagSpecifications));
      return { LaunchTemplate: templateShape(template) };
    },

    DeleteLaunchTemplate({ LaunchTemplateId, LaunchTemplateName }) {
      const template = templateOf(cloud, { LaunchTemplateId, LaunchTemplateName });
      cloud.launchTemplates.delete(template.id);
      cloud.tags.delete(template.id);
      return { LaunchTemplate: templateShape(template) };
    },

    DescribeLaunchTemplates({ LaunchTemplateIds, ...query }) {
      const { page, ...next } = describe(cloud, cloud.launchTemplates, {
        kind: 'launchTemplate',
        ids: LaunchTemplateIds,
        query,
        by: { 'launch-template-name': ({ name }) => name },
        maxResults: 200,
      });
      return { LaunchTemplates: page.map(templateShape), ...next };
    },
  } satisfies Ec2;

  function templateShape({ id, name, createdAt }: LaunchTemplate) {
    return {
      LaunchTemplateId: id,
      LaunchTemplateName: name,
      CreateTime: new Date(createdAt),
      CreatedBy: `arn:aws:iam::${cloud.account}:root`,
      DefaultVersionNumber: 1,
      LatestVersionNumber: 1,
      Tags: tagList(cloud, id),
    };
  }
}

/** @throws AwsError if there is none of this id or name */
export function templateOf(
  cloud: CloudContext,
  by: { LaunchTemplateId?: string | undefined; LaunchTemplateName?: string | undefined },
): LaunchTemplate {
  const id =
    by.LaunchTemplateId ?? [...cloud.launchTemplates.values()].find(({ name }) => name === by.LaunchTemplateName)?.id;
  if (id === undefined)
    throw new AwsError(
      'InvalidLaunchTemplateName.NotFoundException',
      `The specified launch template, with template name ${by.LaunchTemplateName}, does not exist.`,
    );
  return find(cloud.launchTemplates, 'launchTemplate', id);
}
